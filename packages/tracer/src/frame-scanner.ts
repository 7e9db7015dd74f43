import type { TraceFormatCode, TraceProblem } from "./errors.ts";
import { decodeHeaderFrame, headerFrameLength, HEADER_PREFIX_BYTES, isHeaderFrame } from "./format/header-frame.ts";
import { decodeIndexFrame, INDEX_FOOTER_BYTES, type SegmentIndex } from "./format/index-frame.ts";
import type { TraceInfo } from "./info.ts";
import type { ByteWindow } from "./io/byte-window.ts";
import { MAX_INDEX_BYTES } from "./limits.ts";
import { decodeFrame, FRAME_HEADER_BYTES, FRAME_MAGIC, parseFrameHeader } from "./lz4/frame.ts";
import { INDEX_FRAME_MAGIC, isSkippable, SKIPPABLE_HEADER_BYTES } from "./lz4/skippable.ts";

/** One frame of a file, found whole. Bytes are valid until the scanner goes on. */
export type Frame = { readonly offset: number; readonly length: number } & (
  | { readonly kind: "header"; readonly info: TraceInfo }
  | { readonly kind: "chunk"; readonly bytes: Uint8Array; readonly raw: Uint8Array }
  | { readonly kind: "index"; readonly index: SegmentIndex }
  | { readonly kind: "other" }
);

/** What a scanner came to: a frame, or a stretch that could not be used. */
export type Scanned = Frame | ({ readonly kind: "problem" } & Omit<TraceProblem, "chunk">);

/** Why no frame can be used at some place. */
export interface Fault {
  readonly kind: "fault";
  readonly code: TraceFormatCode;
  readonly reason: string;
  /** Where the frame would end if its length is right. */
  readonly end: number | undefined;
  /** Bytes looked at to find out. */
  readonly cost: number;
}

interface Resumed {
  readonly offset: number;
  /** The whole frame at `offset`; undefined at the end. */
  readonly frame: Frame | undefined;
}

const SEARCH_BYTES = 64 * 1024;

/** How much more than once a damaged file is read in search of whole frames; bounds the time a hostile file can take. */
const SEARCH_FACTOR = 16;
const SEARCH_FREE_BYTES = 64 << 20;

/** Goes through a file frame by frame; where one is damaged, looks for the next whole one. */
export class FrameScanner {
  readonly #window: ByteWindow;
  #raw = new Uint8Array(0);
  #offset: number;
  #found: Frame | undefined;
  #budget = SEARCH_FREE_BYTES;
  #gaveUp = false;

  constructor(window: ByteWindow, offset: number) {
    this.#window = window;
    this.#offset = offset;
  }

  /** Byte at which the next frame begins. */
  get offset(): number {
    return this.#offset;
  }

  /** What is at the scanner's place, without going on; undefined at the end of the source. */
  first(): Promise<Frame | Fault | undefined> {
    return this.#frameAt(this.#offset);
  }

  /** The next frame or problem; undefined at the end. */
  async next(): Promise<Scanned | undefined> {
    const frame = this.#found ?? (await this.#frameAt(this.#offset));
    this.#found = undefined;
    if (frame === undefined || this.#gaveUp) return undefined;
    if (frame.kind !== "fault") {
      this.#offset = frame.offset + frame.length;
      this.#budget += SEARCH_FACTOR * frame.length;
      return frame;
    }
    return this.#pass(frame);
  }

  /** Goes on behind a faulty frame. */
  async #pass(faulty: Fault): Promise<Scanned> {
    const offset = this.#offset;
    const resumed = await this.#resume(offset, faulty);
    this.#offset = resumed.offset;
    this.#found = resumed.frame;
    const length = resumed.offset - offset;
    const { code, end } = faulty;
    if (this.#gaveUp)
      return { kind: "problem", code, reason: "too many broken frames; the search was given up", offset, length };
    if (code === "TRACE_FRAME_DAMAGED" && resumed.frame === undefined && end !== undefined && end > resumed.offset) {
      return { kind: "problem", code: "TRACE_TRUNCATED", reason: "the file ends within a chunk", offset, length };
    }
    return { kind: "problem", code, reason: faulty.reason, offset, length };
  }

  /** The frame at `offset`, what is wrong with it, or undefined at the end of the source. */
  async #frameAt(offset: number): Promise<Frame | Fault | undefined> {
    const prefix = await this.#window.view(offset, FRAME_HEADER_BYTES);
    if (prefix.length === 0) return undefined;
    if (prefix.length < SKIPPABLE_HEADER_BYTES)
      return fault("TRACE_TRUNCATED", "the file ends within a frame", prefix.length);
    const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
    const magic = view.getUint32(0, true);
    if (magic === FRAME_MAGIC) return this.#chunkAt(offset, prefix);
    if (!isSkippable(magic)) return fault("TRACE_FRAME_DAMAGED", "no frame begins here", prefix.length);
    const length = SKIPPABLE_HEADER_BYTES + view.getUint32(4, true);
    if (prefix.length >= HEADER_PREFIX_BYTES && isHeaderFrame(prefix)) return this.#headerAt(offset, prefix);
    if (magic === INDEX_FRAME_MAGIC) return this.#indexAt(offset, length);
    const last = await this.#window.view(offset + length - 1, 1);
    return last.length === 1
      ? { kind: "other", offset, length }
      : fault("TRACE_FRAME_DAMAGED", "a frame that is longer than the file", prefix.length, offset + length);
  }

  async #chunkAt(offset: number, prefix: Uint8Array): Promise<Frame | Fault> {
    if (prefix.length < FRAME_HEADER_BYTES)
      return fault("TRACE_TRUNCATED", "the file ends within a chunk", prefix.length);
    const header = parseFrameHeader(prefix);
    if (typeof header === "string") return fault("TRACE_FRAME_DAMAGED", header, prefix.length);
    const { length, rawLength } = header;
    const bytes = await this.#window.view(offset, length);
    if (bytes.length < length) {
      return fault("TRACE_FRAME_DAMAGED", "a chunk that is longer than the file", bytes.length, offset + length);
    }
    if (this.#raw.length < rawLength) this.#raw = new Uint8Array(rawLength);
    const wrong = decodeFrame(bytes, header, this.#raw);
    if (wrong !== undefined) return fault("TRACE_FRAME_DAMAGED", wrong, length + rawLength, offset + length);
    return { kind: "chunk", offset, length, bytes, raw: this.#raw.subarray(0, rawLength) };
  }

  async #headerAt(offset: number, prefix: Uint8Array): Promise<Frame | Fault> {
    const length = headerFrameLength(prefix);
    if (length === undefined)
      return fault("TRACE_HEADER_DAMAGED", "the file header has an impossible length", prefix.length);
    const bytes = await this.#window.view(offset, length);
    if (bytes.length < length) {
      return fault("TRACE_HEADER_DAMAGED", "the file ends within its header", bytes.length, offset + length);
    }
    const header = decodeHeaderFrame(bytes);
    if ("code" in header) return fault(header.code, header.reason, length, offset + length);
    return { kind: "header", offset, length, info: header };
  }

  async #indexAt(offset: number, length: number): Promise<Frame | Fault> {
    if (length > SKIPPABLE_HEADER_BYTES + MAX_INDEX_BYTES + INDEX_FOOTER_BYTES) {
      return fault("TRACE_INDEX_DAMAGED", "an index over 64 MiB", SKIPPABLE_HEADER_BYTES);
    }
    const bytes = await this.#window.view(offset, length);
    const index = bytes.length < length ? "the file ends within its index" : decodeIndexFrame(bytes);
    if (typeof index === "string") return fault("TRACE_INDEX_DAMAGED", index, bytes.length, offset + length);
    return { kind: "index", offset, length, index };
  }

  /** Where reading goes on after the faulty frame at `offset`. */
  async #resume(offset: number, { end }: Fault): Promise<Resumed> {
    if (end !== undefined) {
      const next = await this.#frameAt(end);
      if (next !== undefined && next.kind !== "fault") return { offset: end, frame: next };
      if (next === undefined && (await this.#window.view(end - 1, 1)).length === 1)
        return { offset: end, frame: undefined };
    }
    return this.#search(offset + 1);
  }

  /** The first whole frame from `from` on. */
  async #search(from: number): Promise<Resumed> {
    for (let base = from; ;) {
      const bytes = Uint8Array.from(await this.#window.view(base, SEARCH_BYTES));
      for (const at of candidates(bytes)) {
        const frame = await this.#frameAt(base + at);
        if (frame !== undefined && frame.kind !== "fault" && frame.kind !== "other")
          return { offset: base + at, frame };
        if (frame?.kind === "fault") this.#budget -= frame.cost;
        this.#gaveUp = this.#budget < 0;
        if (this.#gaveUp) return { offset: base + at, frame: undefined };
      }
      if (bytes.length < SEARCH_BYTES) return { offset: base + bytes.length, frame: undefined };
      base += bytes.length - 3;
      this.#budget += SEARCH_FACTOR * bytes.length;
    }
  }
}

/** Positions in `bytes` at which a magic number of ours stands. */
function* candidates(bytes: Uint8Array): Generator<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = buffer.indexOf("\x4d\x18", 2, "latin1"); i !== -1; i = buffer.indexOf("\x4d\x18", i + 1, "latin1")) {
    const magic = view.getUint32(i - 2, true);
    if (magic === FRAME_MAGIC || isSkippable(magic)) yield i - 2;
  }
}

function fault(code: TraceFormatCode, reason: string, cost: number, end?: number): Fault {
  return { kind: "fault", code, reason, end, cost };
}
