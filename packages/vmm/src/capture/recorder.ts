import type { Machine, RunLimits, StopReason } from "../machine.ts";
import { BatchFeed, FLUSH_MS, type RecorderOutputs } from "./batch-feed.ts";

/**
 * Runs a machine while every access goes to a trace and a classifier. The guest waits when the file does; no access is
 * lost. What was accessed is in the file after 250 ms at the latest.
 */
export class Recorder {
  readonly machine: Machine;
  readonly #feed: BatchFeed;
  readonly #writes: boolean;
  readonly #tap: { flush(): void };

  /** Taps the machine; make it before the machine's first run. */
  constructor(machine: Machine, outputs: RecorderOutputs) {
    this.machine = machine;
    this.#feed = new BatchFeed(outputs);
    this.#writes = outputs.writer !== undefined;
    this.#tap = machine.tap((batch) => this.#feed.take(batch));
  }

  /**
   * Runs the guest as {@link Machine.run} does; afterwards the classifier has every access, and the file too.
   * @throws what the trace writer threw; the machine is stopped then.
   */
  async run(limits: RunLimits): Promise<StopReason> {
    const flush = this.#writes ? setInterval(() => this.#flush(), FLUSH_MS) : undefined;
    const wallEnd = limits.wallMs === undefined ? undefined : performance.now() + limits.wallMs;
    const guestEnd = limits.guestMs === undefined ? undefined : this.machine.now() + limits.guestMs * 1e6;
    try {
      for (;;) {
        const reason = await this.machine.run({
          ...limits,
          ...(wallEnd !== undefined && { wallMs: wallEnd - performance.now() }),
          ...(guestEnd !== undefined && { guestMs: (guestEnd - this.machine.now()) / 1e6 }),
          until: () => this.#feed.mustWait || limits.until?.() === true,
        });
        if (!this.#feed.mustWait || reason !== "predicate" || limits.until?.() === true) return reason;
        await this.#feed.settle();
      }
    } finally {
      clearInterval(flush);
      this.#flush();
      await this.#feed.settle();
    }
  }

  #flush(): void {
    this.#tap.flush();
    this.#feed.flush();
  }
}
