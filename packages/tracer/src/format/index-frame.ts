import { Reader, Writer } from "protobufjs/minimal.js";
import { MAX_INDEX_BYTES } from "../limits.ts";
import { encodeSkippable, INDEX_FRAME_MAGIC, SKIPPABLE_HEADER_BYTES, uint32Bytes } from "../lz4/skippable.ts";
import { xxHash32 } from "../lz4/xxhash32.ts";
import { readUint64, writeUint64 } from "../wire/int64.ts";
import { readPacked } from "../wire/varint.ts";
import { clockNumber, clockOf } from "./clock.ts";
import { hex } from "./digest.ts";
import type { ChunkFacts } from "./summary.ts";

/** What an index says of one chunk. */
export interface IndexEntry extends ChunkFacts {
  /** Of the chunk frame, from the start of the segment. */
  readonly offset: number;
}

/** A decoded index. */
export interface SegmentIndex {
  /** Bytes from the start of the segment to the start of the index frame. */
  readonly segmentLength: number;
  readonly entries: readonly IndexEntry[];
}

const MAGIC = Buffer.from("PIOINDEX", "latin1");

/** Bytes at the end of an index frame that say how long it is. */
export const INDEX_FOOTER_BYTES = 16;

/** Ports a chunk can touch in single-port runs. */
const MAX_RUNS = 32_768;

/** Collects the entries of an index as the chunks are written, about 100 bytes each. */
export class IndexBuilder {
  readonly #writer = Writer.create();

  add(entry: IndexEntry): void {
    const w = this.#writer.uint32((2 << 3) | 2).fork();
    writeUint64(w.uint32(1 << 3), entry.offset);
    writeUint64(w.uint32(2 << 3), entry.firstSeq);
    w.uint32(3 << 3).uint32(entry.count);
    if (entry.clock !== "us") w.uint32(4 << 3).uint32(clockNumber(entry.clock));
    writeUint64(w.uint32(5 << 3), entry.baseTime);
    writeUint64(w.uint32(6 << 3), entry.maxTime);
    w.uint32((7 << 3) | 2).fork();
    let next = 0;
    for (const [first, last] of entry.ports) {
      w.uint32(first - next).uint32(last - first);
      next = last + 1;
    }
    w.ldelim();
    const low = Number.parseInt(entry.digest.slice(8), 16);
    w.uint32((8 << 3) | 1)
      .fixed32(low)
      .fixed32(Number.parseInt(entry.digest.slice(0, 8), 16));
    w.ldelim();
  }

  /** The index frame of a segment of `segmentLength` bytes; undefined where it would be over the format's limit. */
  finish(segmentLength: number): Uint8Array | undefined {
    writeUint64(this.#writer.uint32(1 << 3), segmentLength);
    const message = this.#writer.finish();
    if (message.length > MAX_INDEX_BYTES) return undefined;
    const footer = [uint32Bytes(message.length), uint32Bytes(xxHash32(message)), MAGIC];
    return encodeSkippable(INDEX_FRAME_MAGIC, [message, ...footer]);
  }
}

/** Bytes of the index frame that ends with `footer`; undefined where none does. */
export function indexFrameLength(footer: Uint8Array): number | undefined {
  if (footer.length < INDEX_FOOTER_BYTES || MAGIC.compare(footer, 8, 16) !== 0) return undefined;
  const length = new DataView(footer.buffer, footer.byteOffset).getUint32(0, true);
  return length > MAX_INDEX_BYTES ? undefined : SKIPPABLE_HEADER_BYTES + length + INDEX_FOOTER_BYTES;
}

/** Reads a whole index frame; a string says what is wrong with it. */
export function decodeIndexFrame(frame: Uint8Array): SegmentIndex | string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < SKIPPABLE_HEADER_BYTES + INDEX_FOOTER_BYTES) return "the index is cut off";
  const end = frame.length - INDEX_FOOTER_BYTES;
  if (indexFrameLength(frame.subarray(end)) !== frame.length || view.getUint32(0, true) !== INDEX_FRAME_MAGIC) {
    return "the index has no valid end";
  }
  if (view.getUint32(4, true) !== frame.length - SKIPPABLE_HEADER_BYTES) return "the index has a wrong length";
  const message = frame.subarray(SKIPPABLE_HEADER_BYTES, end);
  if (xxHash32(message) !== view.getUint32(end + 4, true)) return "the index does not match its checksum";
  try {
    return decodeIndex(message);
  } catch (error) {
    return `the index is malformed: ${String(error)}`;
  }
}

function decodeIndex(message: Uint8Array): SegmentIndex {
  const r = Reader.create(message);
  const entries: IndexEntry[] = [];
  let segmentLength = 0;
  while (r.pos < r.len) {
    const tag = r.uint32();
    if (tag === 1 << 3) segmentLength = readUint64(r);
    else if (tag === ((2 << 3) | 2)) entries.push(decodeEntry(Reader.create(r.bytes())));
    else r.skipType(tag & 7);
  }
  return { segmentLength, entries };
}

function decodeEntry(r: Reader): IndexEntry {
  let ports: [number, number][] = [];
  let digest = "";
  let clock = clockOf(0);
  const numbers = { offset: 0, firstSeq: 0, count: 0, baseTime: 0, maxTime: 0 };
  while (r.pos < r.len) {
    const tag = r.uint32();
    if (tag === 1 << 3) numbers.offset = readUint64(r);
    else if (tag === 2 << 3) numbers.firstSeq = readUint64(r);
    else if (tag === 3 << 3) numbers.count = r.uint32();
    else if (tag === 4 << 3) clock = clockOf(r.uint32());
    else if (tag === 5 << 3) numbers.baseTime = readUint64(r);
    else if (tag === 6 << 3) numbers.maxTime = readUint64(r);
    else if (tag === ((7 << 3) | 2)) ports = decodeRuns(r.bytes());
    else if (tag === ((8 << 3) | 1)) {
      const low = r.fixed32();
      digest = hex(r.fixed32()) + hex(low);
    } else r.skipType(tag & 7);
  }
  return { ...numbers, clock, ports, digest };
}

function decodeRuns(bytes: Uint8Array): [number, number][] {
  const numbers = bytes.filter((byte) => byte < 128).length;
  const column = new Uint16Array(Math.min(numbers, 2 * MAX_RUNS));
  if (numbers !== column.length || numbers % 2 !== 0 || !readPacked(bytes, numbers, column, 0xffff)) {
    throw new RangeError("runs of ports that do not add up");
  }
  const runs: [number, number][] = [];
  let next = 0;
  for (let i = 0; i < numbers; i += 2) {
    const first = next + (column[i] ?? 0);
    const last = first + (column[i + 1] ?? 0);
    if (last > 0xffff) throw new RangeError("a run of ports beyond port 0xffff");
    runs.push([first, last]);
    next = last + 1;
  }
  return runs;
}
