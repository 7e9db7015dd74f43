import { BatchBuilder, directionOf, widthOf } from "@portrait/tracer";
import { BatchFeed, type RecorderOutputs } from "../capture/batch-feed.ts";
import type { AccessQueue } from "./access-queue.ts";
import type { KvmGuest } from "./guests.ts";
import type { NumberedGuest } from "./thread-table.ts";

/** One guest's accesses on their way to its file. */
export class GuestStream implements NumberedGuest {
  readonly guest: KvmGuest;
  readonly vcpus = new Set<number>();
  readonly #feed: BatchFeed;
  readonly #builder: BatchBuilder;
  #time = 0;

  constructor(guest: KvmGuest, outputs: RecorderOutputs) {
    this.guest = guest;
    this.#feed = new BatchFeed(outputs);
    this.#builder = new BatchBuilder((batch) => this.#feed.take(batch));
  }

  /** Accesses so far. */
  get accesses(): number {
    return this.#builder.nextSeq;
  }

  /** As {@link BatchFeed.mustWait}. */
  get mustWait(): boolean {
    return this.#feed.mustWait;
  }

  /** Appends the access at the head of a queue. Only the first element of a string instruction is seen. */
  push(queue: AccessQueue, vcpu: number): void {
    const row = queue.head;
    const [time = 0, port = 0, op = 0, value = 0, count = 1] = [
      queue.time[row],
      queue.port[row],
      queue.op[row],
      queue.value[row],
      queue.count[row],
    ];
    this.#time = time;
    if (count === 1) this.#builder.push(time, port, op, value, vcpu);
    else this.#builder.pushString(time, port, directionOf(op), widthOf(op), count, value, undefined, vcpu);
  }

  /** Says that accesses were lost here. */
  gap(time: number, reason: string, lost: number | undefined): void {
    this.#time = time;
    this.#builder.gap(time, reason, lost);
  }

  remark(text: string): void {
    this.#builder.marker(this.#time, text);
  }

  /** Hands on what there is. */
  flush(): void {
    this.#builder.flush();
    this.#feed.flush();
  }

  /** As {@link BatchFeed.settle}. */
  settle(): Promise<void> {
    return this.#feed.settle();
  }
}
