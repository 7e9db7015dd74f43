import { TraceWriter, type AccessBatch, type ByteSink, type TraceInfo } from "@portrait/tracer";
import { anchorBatch, type AnchorSource } from "./anchor-batch.ts";
import type { TraceFile } from "./trace-file.ts";

/** When a part of a trace is full: after so many bytes, or milliseconds since it began. */
export type PartLimit =
  { readonly kind: "bytes"; readonly bytes: number } | { readonly kind: "time"; readonly ms: number };

interface Part {
  readonly writer: TraceWriter;
  readonly file: Promise<TraceFile>;
  readonly begun: number;
  readonly firstSeq: number;
}

/**
 * Writes a trace as several files, each whole in itself: it begins with what was known of the devices at its start. Numbers and times go on from
 * part to part.
 */
export class RotatingTrace {
  readonly #info: TraceInfo;
  readonly #limit: PartLimit;
  readonly #ahead: AnchorSource;
  readonly #open: (part: number) => Promise<TraceFile>;
  #part: Part;
  #parts = 0;
  /** Bytes of the parts before the present one. */
  #bytesBefore = 0;
  #time = 0;
  /** Fulfilled once the parts before the present one are on the disk. */
  #before: Promise<void> = Promise.resolve();

  /** `ahead` is at the start of the trace; `open` makes the file of a part, counted from 0. The first is made at once. */
  constructor(info: TraceInfo, limit: PartLimit, ahead: AnchorSource, open: (part: number) => Promise<TraceFile>) {
    this.#info = info;
    this.#limit = limit;
    this.#ahead = ahead;
    this.#open = open;
    this.#part = this.#begin(info, 0);
  }

  /** As {@link TraceWriter.nextSeq}. */
  get nextSeq(): number {
    return this.#part.writer.nextSeq;
  }

  /** Parts begun, and bytes in all of them. */
  get size(): { readonly parts: number; readonly bytes: number } {
    return { parts: this.#parts, bytes: this.#bytesBefore + this.#part.writer.bytes };
  }

  /** Waits for the first part's file. @throws what making it threw */
  async opened(): Promise<void> {
    await this.#part.file;
  }

  /** As {@link TraceWriter.write}; begins another part where the present one is full. */
  async write(batch: AccessBatch): Promise<void> {
    if (this.#isFull()) this.#rotate(batch.firstSeq);
    const written = this.#part.writer.write(batch);
    this.#ahead.feed(batch);
    if (batch.length > 0) this.#time = batch.time[batch.length - 1] ?? 0;
    await Promise.all([this.#before, written]);
  }

  /** As {@link TraceWriter.flush}. */
  async flush(): Promise<void> {
    await Promise.all([this.#before, this.#part.writer.flush()]);
  }

  /** Closes the last part. */
  async close(): Promise<void> {
    await Promise.all([this.#before, this.#part.writer.close()]);
  }

  /** Makes sure that all parts are on the disk; to be called in any case. */
  async seal(): Promise<void> {
    try {
      await this.#before;
    } finally {
      await (await this.#part.file).seal();
    }
  }

  #isFull(): boolean {
    const { writer, begun, firstSeq } = this.#part;
    if (writer.nextSeq === firstSeq) return false;
    return this.#limit.kind === "bytes"
      ? writer.bytes >= this.#limit.bytes
      : performance.now() - begun >= this.#limit.ms;
  }

  /** Everything here happens before anything is waited for, so that the caller's batch is copied in time. */
  #rotate(firstSeq: number): void {
    const { writer, file } = this.#part;
    this.#before = Promise.all([this.#before, writer.close()]).then(async () => (await file).seal());
    // Whoever writes next sees the failure.
    this.#before.catch(() => undefined);
    this.#bytesBefore += writer.bytes;
    this.#part = this.#begin({ ...this.#info, fromReset: false }, firstSeq);
    this.#part.writer.write(anchorBatch(this.#ahead, firstSeq, this.#time)).catch(() => undefined);
  }

  #begin(info: TraceInfo, firstSeq: number): Part {
    const file = this.#open(this.#parts++);
    file.catch(() => undefined);
    const sink: ByteSink = { write: async (bytes) => (await file).sink.write(bytes) };
    return { writer: new TraceWriter(sink, info), file, begun: performance.now(), firstSeq };
  }
}
