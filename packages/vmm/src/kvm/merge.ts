import type { AccessQueue } from "./access-queue.ts";

/**
 * Takes accesses out of the queues in the order of their times, up to `before`, and gives each, at the head of its queue, to `take`; stops when that
 * gives false. Accesses of one CPU stay in the order in which they came.
 */
export function takeInOrder(
  queues: readonly AccessQueue[],
  before: number,
  take: (queue: AccessQueue) => boolean,
): void {
  for (;;) {
    const { first, next } = earliest(queues);
    if (first === undefined || first.nextTime >= before) return;
    const until = Math.min(next, before);
    // At least one: where two CPUs have the same time, each in turn.
    do {
      if (!take(first)) return;
      first.head++;
    } while (first.nextTime < until);
  }
}

/** The queue with the earliest access, and the time of the earliest of the others. */
function earliest(queues: readonly AccessQueue[]): { readonly first: AccessQueue | undefined; readonly next: number } {
  let first: AccessQueue | undefined;
  let time = Infinity;
  let next = Infinity;
  for (const queue of queues) {
    if (queue.nextTime < time) {
      next = time;
      time = queue.nextTime;
      first = queue;
    } else next = Math.min(next, queue.nextTime);
  }
  return { first, next };
}
