import type { PlanStep } from "../plan/plan.ts";
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

/** Operations sent to a target in one go. */
const GO_LIMIT = 4096;

/**
 * Performs steps on a target, in order. Consecutive reads and writes go to the target together; a drain asks and answers.
 * @throws PortTargetError naming the step it broke off at.
 */
export async function carryOut(steps: readonly PlanStep[], target: PortTarget): Promise<CarriedOut> {
  const values = new Map<number, number>();
  let drained = 0;
  let accesses = 0;
  let from = 0;
  while (from < steps.length) {
    let to = from;
    while (to < steps.length && to - from < GO_LIMIT && steps[to]?.op !== "drain") to++;
    if (to > from) {
      const answers = await perform(steps, from, to, target);
      accesses += to - from;
      for (let i = from; i < to; i++) if (steps[i]?.op === "in") values.set(i, answers[i - from] ?? 0);
    }
    const drain = steps[to];
    if (drain?.op === "drain") {
      const count = await drainAnswers(drain, target);
      drained += count;
      accesses += 2 * count + 1;
      to++;
    }
    from = to;
  }
  return { values, drained, accesses };
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
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PortTargetError(`${target.name}: steps ${from} to ${to - 1} of the plan failed: ${message}`, { cause });
  }
}

async function drainAnswers(drain: PlanStep & { op: "drain" }, target: PortTarget): Promise<number> {
  for (let count = 0; count < drain.limit; count++) {
    const [status] = await target.perform([{ direction: "in", port: drain.status, width: 8 }]);
    if (((status ?? 0) & drain.mask) === 0) return count;
    await target.perform([{ direction: "in", port: drain.port, width: 8 }]);
  }
  return drain.limit;
}
