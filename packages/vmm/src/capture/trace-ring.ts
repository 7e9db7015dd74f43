import {
  bufferSource,
  TraceReader,
  TraceWriter,
  type AccessBatch,
  type ByteSink,
  type TraceChunk,
  type TraceInfo,
} from "@portrait/tracer";
import { anchorBatch, type AnchorSource } from "./anchor-batch.ts";

/**
 * Keeps the newest part of a trace in memory, as the chunks it would have in a file, and what was known of the devices before it: a classifier
 * follows behind, fed with each chunk that is given up.
 */
export class TraceRing {
  readonly #info: TraceInfo;
  readonly #limit: number;
  readonly #behind: AnchorSource;
  readonly #writer: TraceWriter;
  #header: Uint8Array | undefined;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  /** Number of the first access that is kept, and the latest time that is not; undefined while nothing was given up. */
  #start: { readonly firstSeq: number; readonly time: number } | undefined;

  /** `limit`: bytes of chunks kept, of which the newest is kept in any case. `behind` is at the start of the trace. */
  constructor(info: TraceInfo, limit: number, behind: AnchorSource) {
    this.#info = info;
    this.#limit = limit;
    this.#behind = behind;
    this.#writer = new TraceWriter({ write: (bytes) => this.#take(bytes) }, info);
  }

  /** Bytes of chunks kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As {@link TraceWriter.nextSeq}. */
  get nextSeq(): number {
    return this.#writer.nextSeq;
  }

  /** Number of the first access that is kept. */
  get firstSeq(): number {
    return this.#start?.firstSeq ?? 0;
  }

  /** As {@link TraceWriter.write}. */
  write(batch: AccessBatch): Promise<void> {
    return this.#writer.write(batch);
  }

  /** Does nothing: what waits to become a chunk is as safe as what is one. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Writes what is kept now as a whole trace. More may be written to the ring meanwhile. @throws TraceWriteError */
  async save(sink: ByteSink): Promise<void> {
    await this.#writer.flush();
    // Together, before anything else is given up.
    const frames = this.#frames.slice();
    const start = this.#start && anchorBatch(this.#behind, this.#start.firstSeq, this.#start.time);
    const target = new TraceWriter(sink, start === undefined ? this.#info : { ...this.#info, fromReset: false });
    if (start !== undefined) await target.write(start);
    for (const frame of frames) await target.copy(await this.#chunkOf(frame));
    await target.close();
  }

  async #take(bytes: Uint8Array): Promise<void> {
    if (this.#header === undefined) {
      this.#header = bytes;
      return;
    }
    this.#frames.push(bytes);
    this.#bytes += bytes.length;
    while (this.#bytes > this.#limit && this.#frames.length > 1) await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const [frame] = this.#frames;
    if (frame === undefined) return;
    const { batch } = await this.#chunkOf(frame);
    this.#behind.feed(batch);
    const last = batch.length > 0 ? (batch.time[batch.length - 1] ?? 0) : (this.#start?.time ?? 0);
    this.#start = { firstSeq: batch.firstSeq + batch.length, time: last };
    this.#frames.shift();
    this.#bytes -= frame.length;
  }

  /** The chunk in a frame; valid until the next one is asked for. */
  async #chunkOf(frame: Uint8Array): Promise<TraceChunk> {
    const reader = await TraceReader.open(bufferSource(Buffer.concat([this.#header ?? frame, frame])));
    for await (const chunk of reader.chunks()) return chunk;
    throw new Error("assertion failed: a chunk that was just written cannot be read");
  }
}
