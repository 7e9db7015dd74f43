import type { Classifier } from "@portrait/classifier";
import type { AccessBatch, TraceWriter } from "@portrait/tracer";

/** How long an access waits before it is written, milliseconds; in the file it is, with what writing takes, after 250 at the latest. */
export const FLUSH_MS = 200;
/** Batches on their way to the file before the guest has to wait. */
const PENDING_LIMIT = 16;

/** Where a capture's batches go. */
export interface RecorderOutputs {
  readonly writer?: Pick<TraceWriter, "write" | "flush">;
  readonly classifier?: Classifier;
}

/** Hands batches to a trace and a classifier, and says when whoever makes them has to wait. */
export class BatchFeed {
  readonly #outputs: RecorderOutputs;
  readonly #pending = new Set<Promise<void>>();
  #failure: unknown;

  constructor(outputs: RecorderOutputs) {
    this.#outputs = outputs;
  }

  /** True while no more should come: the file does not follow, or has failed. {@link settle} tells which. */
  get mustWait(): boolean {
    return this.#failure !== undefined || this.#pending.size > PENDING_LIMIT;
  }

  /** Hands a batch on. After a failure it still goes to the classifier. */
  take(batch: AccessBatch): void {
    this.#outputs.classifier?.feed(batch);
    this.#write((writer) => writer.write(batch));
  }

  /** Puts what was taken into the file. */
  flush(): void {
    this.#write((writer) => writer.flush());
  }

  /** Waits for the file to have everything. @throws what the trace writer threw. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #write(work: (writer: Pick<TraceWriter, "write" | "flush">) => Promise<void>): void {
    if (this.#outputs.writer === undefined || this.#failure !== undefined) return;
    const tracked = work(this.#outputs.writer)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }
}
