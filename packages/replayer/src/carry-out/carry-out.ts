import { messageOf } from "@portrait/tracer";
import type { Expected, PlanStep } from "../plan/plan.ts";
import { PortTargetError, type PortOperation, type PortTarget } from "../target/port-target.ts";

/** What carrying steps out gave. */
export interface CarriedOut {
  /** Value each `in` step read, by position of the step. */
  readonly values: ReadonlyMap<number, number>;
  /** Answers read away by drains. */
  readonly drained: number;
  /** Accesses made on the target. */
  readonly accesses: number;
}

/** How often a device that is busy is asked again. One that is busy for good, as ports with nothing behind them seem to be, has no answers. */
const BUSY_LIMIT = 65_536;

/** Operations sent to a target in one go. */
const GO_LIMIT = 4096;

/**
 * Performs steps on a target, in order. Consecutive reads and writes go to the target together; a drain asks and answers,
 * and nothing is sent ahead of a read that must give a certain value.
 * @throws PortTargetError naming the step it broke off at, or what stands there instead of what the plan was made for.
 */
export async function carryOut(steps: readonly PlanStep[], target: PortTarget): Promise<CarriedOut> {
  const values = new Map<number, number>();
  let drained = 0;
  let accesses = 0;
  let from = 0;
  while (from < steps.length) {
    let to = from;
    while (to < steps.length && to - from < GO_LIMIT && steps[to]?.op !== "drain") {
      if (expectationOf(steps[to++]) !== undefined) break;
    }
    if (to > from) {
      const answers = await perform(steps, from, to, target);
      accesses += to - from;
      for (let i = from; i < to; i++) if (steps[i]?.op === "in") values.set(i, answers[i - from] ?? 0);
      if (target.blind !== true) checkExpected(steps[to - 1], answers[to - 1 - from] ?? 0, target);
    }
    const drain = steps[to];
    if (drain?.op === "drain") {
      const counts = await drainAnswers(drain, target);
      drained += counts.answers;
      accesses += counts.answers + counts.asked;
      to++;
    }
    from = to;
  }
  return { values, drained, accesses };
}

function expectationOf(step: PlanStep | undefined): Expected | undefined {
  return step?.op === "in" ? step.expect : undefined;
}

function checkExpected(step: PlanStep | undefined, actual: number, { name }: PortTarget): void {
  const expected = expectationOf(step);
  if (step === undefined || expected === undefined || ((actual ^ expected.value) & expected.mask) === 0) return;
  const hex = (value: number) => `0x${(value >>> 0).toString(16)}`;
  throw new PortTargetError(
    `${name}: the plan is for another machine: ${step.device}.${step.register} reads ${hex(actual & expected.mask)} ` +
      `instead of ${hex(expected.value)} (${step.why})`,
  );
}

async function perform(
  steps: readonly PlanStep[],
  from: number,
  to: number,
  target: PortTarget,
): Promise<readonly number[]> {
  const operations = steps.slice(from, to).flatMap((step): PortOperation[] => {
    if (step.op === "drain") return [];
    return step.op === "in"
      ? [{ direction: "in", port: step.port, width: step.width }]
      : [{ direction: "out", port: step.port, width: step.width, value: step.value }];
  });
  try {
    return await target.perform(operations);
  } catch (cause) {
    throw new PortTargetError(`${target.name}: steps ${from} to ${to - 1} of the plan failed: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function drainAnswers(
  { status, mask, busy, port, width, limit }: PlanStep & { op: "drain" },
  target: PortTarget,
): Promise<{ answers: number; asked: number }> {
  const counts = { answers: 0, asked: 0 };
  const read: PortOperation = { direction: "in", port, width };
  const ask = async (...before: readonly PortOperation[]) => {
    counts.asked++;
    const values = await target.perform([...before, { direction: "in", port: status, width: 8 }]);
    return values.at(-1) ?? 0;
  };
  for (let answer = await ask(); ; answer = await ask(read)) {
    for (let again = 0; (answer & busy) !== 0 && again < BUSY_LIMIT; again++) answer = await ask();
    if ((answer & busy) !== 0 || (answer & mask) === 0 || counts.answers === limit) return counts;
    counts.answers++;
  }
}
