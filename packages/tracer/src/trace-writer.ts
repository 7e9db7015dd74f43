import { emptyBatch, type AccessBatch } from "./batch.ts";
import { messageOf, TraceWriteError } from "./errors.ts";
import { ChunkCollector } from "./format/chunk-collector.ts";
import { ChunkEncoder } from "./format/chunk-encoder.ts";
import { encodeHeaderFrame } from "./format/header-frame.ts";
import { IndexBuilder } from "./format/index-frame.ts";
import type { ChunkFacts } from "./format/summary.ts";
import type { TraceInfo } from "./info.ts";
import type { ByteSink } from "./io/byte-sink.ts";
import { encodeFrame } from "./lz4/frame.ts";
import type { TraceChunk } from "./trace-walker.ts";

/**
 * Writes a trace to a sink, chunk by chunk. Everything a call is given is copied before it returns; its promise resolves
 * once the sink has taken every chunk that is complete, and rejects with a TraceWriteError.
 */
export class TraceWriter {
  readonly #sink: ByteSink;
  readonly #collector: ChunkCollector;
  readonly #encoder: ChunkEncoder;
  readonly #index = new IndexBuilder();
  #offset = 0;
  /** Number of the first access of the chunk being collected; undefined before the first batch. */
  #firstSeq: number | undefined;
  /** The end of the queue to the sink. Once it has failed, nothing more is put. */
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  /** Throws RangeError where `info` is over 4 MiB. */
  constructor(sink: ByteSink, info: TraceInfo) {
    this.#sink = sink;
    this.#collector = new ChunkCollector(info.clock);
    this.#encoder = new ChunkEncoder(info.clock);
    this.#emit(encodeHeaderFrame(info));
  }

  /** Sequence number the next access gets if its batch leaves none out. */
  get nextSeq(): number {
    return (this.#firstSeq ?? 0) + this.#collector.columns.count;
  }

  /** Bytes given to the sink, or on their way to it. */
  get bytes(): number {
    return this.#offset;
  }

  /**
   * Appends a batch. Its `firstSeq` is {@link nextSeq}, or higher where accesses were left out on purpose; the first batch
   * may begin anywhere. A batch that breaks its contract is refused at the row in question (`TRACE_BATCH`).
   */
  async write(batch: AccessBatch): Promise<void> {
    this.#checkOpen();
    this.#moveTo(batch.firstSeq);
    if (batch.anchor !== undefined) {
      this.#endChunk();
      this.#collector.takeAnchor(batch, batch.anchor);
    }
    const cursor = { row: 0, string: 0, marker: 0, gap: 0 };
    while (this.#collector.take(batch, cursor)) this.#endChunk();
    await this.#tail;
  }

  /** Appends a chunk of another trace as it stands, byte for byte wherever its numbers and times still hold. */
  async copy(chunk: TraceChunk): Promise<void> {
    const { gapBefore, batch } = chunk;
    if (chunk.rebased)
      return this.write(gapBefore === undefined ? batch : { ...batch, gaps: [gapBefore, ...batch.gaps] });
    this.#checkOpen();
    if (gapBefore !== undefined)
      await this.write({
        ...emptyBatch(this.#firstSeq === undefined ? batch.firstSeq : this.nextSeq),
        gaps: [gapBefore],
      });
    this.#moveTo(batch.firstSeq);
    this.#endChunk();
    this.#append(Uint8Array.from(chunk.frame), chunk.facts());
    await this.#tail;
  }

  /** Ends the chunk being collected, so that everything written so far reaches the sink. */
  async flush(): Promise<void> {
    this.#checkOpen();
    this.#endChunk();
    await this.#tail;
  }

  /** Flushes and writes the index. Call it once. */
  async close(): Promise<void> {
    this.#checkOpen();
    this.#endChunk();
    this.#closed = true;
    const index = this.#index.finish(this.#offset);
    if (index !== undefined) this.#emit(index);
    await this.#tail;
  }

  #moveTo(firstSeq: number): void {
    this.#firstSeq ??= firstSeq;
    if (firstSeq === this.nextSeq) return;
    if (firstSeq < this.nextSeq) {
      throw new TraceWriteError("TRACE_ORDER", `access ${firstSeq} comes after access ${this.nextSeq - 1}`);
    }
    this.#endChunk();
    this.#firstSeq = firstSeq;
  }

  #endChunk(): void {
    if (this.#collector.empty) return;
    const { raw, facts } = this.#encoder.encode(this.#collector, this.#firstSeq ?? 0);
    this.#collector.clear();
    this.#append(encodeFrame(raw), facts);
  }

  #append(frame: Uint8Array, facts: ChunkFacts): void {
    this.#index.add({ ...facts, offset: this.#offset });
    this.#firstSeq = facts.firstSeq + facts.count;
    this.#emit(frame);
  }

  #emit(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    this.#tail = this.#tail.then(() => this.#put(bytes));
    // Whoever awaits the tail sees the failure; nobody need be waiting when it happens.
    this.#tail.catch(() => undefined);
  }

  async #put(bytes: Uint8Array): Promise<void> {
    try {
      await this.#sink.write(bytes);
    } catch (cause) {
      throw new TraceWriteError("TRACE_SINK", `the trace could not be written: ${messageOf(cause)}`, { cause });
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new TraceWriteError("TRACE_CLOSED", "the trace is closed");
  }
}
