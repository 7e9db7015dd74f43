import type { AccessQueue } from "./access-queue.ts";

/** Who gets what is taken out of queues. */
export interface Taker {
  /** Takes the access at the head of a queue; false: it stays, and no more is taken. */
  take(queue: AccessQueue): boolean;
  /** Told as soon as nothing is known to come between what was taken of a queue and a loss. */
  lost(queue: AccessQueue): void;
}

/**
 * Takes accesses out of the queues in the order of their times, up to `before`. Accesses of one CPU stay in the order in which they came.
 */
export function takeInOrder(queues: readonly AccessQueue[], before: number, taker: Taker): void {
  for (const queue of queues) if (queue.lostHere) taker.lost(queue);
  for (;;) {
    const { first, next } = earliest(queues);
    if (first === undefined || first.nextTime >= before) return;
    const until = Math.min(next, before);
    // At least one: where two CPUs have the same time, each in turn.
    do {
      if (!taker.take(first)) return;
      first.head++;
      if (first.lostHere) taker.lost(first);
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
