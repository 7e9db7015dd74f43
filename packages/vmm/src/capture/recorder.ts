import type { Classifier } from "@portrait/classifier";
import type { AccessBatch, TraceWriter } from "@portrait/tracer";
import type { Machine, RunLimits, StopReason } from "../machine.ts";

/** Longest time an access waits before it is in the file. */
const FLUSH_MS = 250;
/** Batches on their way to the file before the guest has to wait. */
const PENDING_LIMIT = 64;

/** Where a recorder's batches go. */
export interface RecorderOutputs {
  readonly writer?: Pick<TraceWriter, "write" | "flush">;
  readonly classifier?: Classifier;
}

/**
 * Runs a machine while every access goes to a trace and a classifier. The guest waits when the file does; no access is
 * lost. What was accessed is in the file after 250 ms at the latest.
 */
export class Recorder {
  readonly machine: Machine;
  readonly #writer: RecorderOutputs["writer"];
  readonly #tap: { flush(): void };
  readonly #pending = new Set<Promise<void>>();
  #failure: unknown;

  /** Taps the machine; make it before the machine's first run. */
  constructor(machine: Machine, outputs: RecorderOutputs) {
    this.machine = machine;
    this.#writer = outputs.writer;
    this.#tap = machine.tap((batch) => {
      outputs.classifier?.feed(batch);
      this.#write(batch);
    });
  }

  /**
   * Runs the guest as {@link Machine.run} does; afterwards the classifier has every access, and the file too.
   * @throws what the trace writer threw; the machine is stopped then.
   */
  async run(limits: RunLimits): Promise<StopReason> {
    const flush = this.#writer && setInterval(() => this.#flush(), FLUSH_MS);
    const wallEnd = limits.wallMs === undefined ? undefined : performance.now() + limits.wallMs;
    const guestEnd = limits.guestMs === undefined ? undefined : this.machine.now() + limits.guestMs * 1e6;
    try {
      for (;;) {
        const reason = await this.machine.run({
          ...limits,
          ...(wallEnd !== undefined && { wallMs: wallEnd - performance.now() }),
          ...(guestEnd !== undefined && { guestMs: (guestEnd - this.machine.now()) / 1e6 }),
          until: () => this.#mustWait() || limits.until?.() === true,
        });
        if (!this.#mustWait() || reason !== "predicate" || limits.until?.() === true) return reason;
        await this.#settle();
      }
    } finally {
      clearInterval(flush);
      this.#flush();
      await this.#settle();
    }
  }

  #mustWait(): boolean {
    return this.#failure !== undefined || this.#pending.size > PENDING_LIMIT;
  }

  #flush(): void {
    this.#tap.flush();
    if (this.#writer !== undefined && this.#failure === undefined) this.#track(this.#writer.flush());
  }

  #write(batch: AccessBatch): void {
    if (this.#writer !== undefined && this.#failure === undefined) this.#track(this.#writer.write(batch));
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
