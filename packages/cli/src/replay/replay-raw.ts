import { setTimeout as sleep } from "node:timers/promises";
import { carryOut, rawSteps, type PlanStep, type PortTarget } from "@portrait/replayer";
import type { AccessBatch } from "@portrait/tracer";
import { checkInterrupted, type Session } from "../session.ts";

/** Waits shorter than this are left out, since a timer is not more exact. */
const SHORTEST_WAIT_MS = 1;

/** Makes every recorded write of the batches on a target; with `timing`, as far apart as they were. Gives their number. */
export async function replayRaw(
  session: Session,
  batches: AsyncIterable<AccessBatch>,
  target: PortTarget,
  options: { readonly timing: boolean },
): Promise<number> {
  const tempo = options.timing ? new Tempo(session) : undefined;
  let writes = 0;
  for await (const batch of batches) {
    checkInterrupted(session);
    const steps = rawSteps(batch);
    for (const group of tempo === undefined ? [steps] : together(steps, batch)) {
      const [first] = group;
      if (first !== undefined) await tempo?.wait(timeOf(first, batch));
      await carryOut(group, target);
    }
    writes += steps.length;
  }
  return writes;
}

/** Steps less than {@link SHORTEST_WAIT_MS} apart, in groups. */
function together(steps: readonly PlanStep[], batch: AccessBatch): PlanStep[][] {
  const groups: PlanStep[][] = [];
  let begin = -Infinity;
  for (const step of steps) {
    const time = timeOf(step, batch);
    const group = groups.at(-1);
    if (group !== undefined && time - begin < SHORTEST_WAIT_MS * 1e6) group.push(step);
    else {
      groups.push([step]);
      begin = time;
    }
  }
  return groups;
}

function timeOf(step: PlanStep, batch: AccessBatch): number {
  return batch.time[(step.from[0] ?? 0) - batch.firstSeq] ?? 0;
}

/** Holds each write back until it is as long after the first as it was when recorded. */
class Tempo {
  readonly #signal: AbortSignal;
  #start: { readonly recorded: number; readonly now: number } | undefined;

  constructor({ signal }: Session) {
    this.#signal = signal;
  }

  async wait(time: number): Promise<void> {
    this.#start ??= { recorded: time, now: performance.now() };
    const due = this.#start.now + (time - this.#start.recorded) / 1e6;
    const ms = due - performance.now();
    if (ms >= SHORTEST_WAIT_MS) await sleep(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
