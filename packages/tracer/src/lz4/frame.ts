import { MAX_CHUNK_BYTES } from "../limits.ts";
import { blockBound, blocks, type BlockCodec } from "./block.ts";
import { xxHash32 } from "./xxhash32.ts";

/** First four bytes of a chunk frame, little-endian. */
export const FRAME_MAGIC = 0x184d2204;

/** Bytes from the start of a frame to its block. */
export const FRAME_HEADER_BYTES = 19;

/** Bytes from the end of a frame's block to the end of the frame: end mark and content checksum. */
export const FRAME_TRAILER_BYTES = 8;

const FLG = 0x6c;
const STORED = 0x80000000;

/** What the first {@link FRAME_HEADER_BYTES} bytes of a frame say. */
export interface FrameHeader {
  /** Bytes after decompression, 1 to {@link MAX_CHUNK_BYTES}. */
  readonly rawLength: number;
  readonly blockLength: number;
  /** True when the block is not compressed. */
  readonly stored: boolean;
  /** Bytes of the whole frame. */
  readonly length: number;
}

/** `raw` (1 to {@link MAX_CHUNK_BYTES} bytes) as one LZ4 frame, in memory of its own. */
export function encodeFrame(raw: Uint8Array, codec: BlockCodec = blocks): Uint8Array {
  const scratch = Buffer.allocUnsafe(FRAME_HEADER_BYTES + blockBound(raw.length) + FRAME_TRAILER_BYTES);
  const packed = codec.encode(raw, scratch.subarray(FRAME_HEADER_BYTES));
  const stored = packed === 0 || packed >= raw.length;
  const blockLength = stored ? raw.length : packed;
  if (stored) scratch.set(raw, FRAME_HEADER_BYTES);

  scratch.writeUInt32LE(FRAME_MAGIC, 0);
  scratch[4] = FLG;
  scratch[5] = blockSizeCode(raw.length) << 4;
  scratch.writeUInt32LE(raw.length, 6);
  scratch.writeUInt32LE(0, 10);
  scratch[14] = headerChecksum(scratch);
  scratch.writeUInt32LE((blockLength | (stored ? STORED : 0)) >>> 0, 15);
  const trailer = FRAME_HEADER_BYTES + blockLength;
  scratch.writeUInt32LE(0, trailer);
  scratch.writeUInt32LE(xxHash32(raw), trailer + 4);
  return new Uint8Array(scratch.subarray(0, trailer + FRAME_TRAILER_BYTES));
}

/** Reads a frame header from at least {@link FRAME_HEADER_BYTES} bytes; a string says what is wrong with it. */
export function parseFrameHeader(bytes: Uint8Array): FrameHeader | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== FRAME_MAGIC) return "no LZ4 frame begins here";
  if (bytes[14] !== headerChecksum(bytes)) return "the LZ4 frame header does not match its checksum";
  if (bytes[4] !== FLG) return `LZ4 frame flags 0x${view.getUint8(4).toString(16)} instead of 0x6c`;
  const code = view.getUint8(5) >>> 4;
  if ((view.getUint8(5) & 0x0f) !== 0 || code < 4 || code > 7) return "unknown LZ4 block size";
  const rawLength = view.getUint32(6, true);
  if (view.getUint32(10, true) !== 0 || rawLength > MAX_CHUNK_BYTES) return "more than 4 MiB in one chunk";
  if (rawLength === 0) return "an empty chunk";
  const word = view.getUint32(15, true);
  const stored = word >= STORED;
  const blockLength = stored ? word - STORED : word;
  if (blockLength === 0) return "an empty block";
  if (stored ? blockLength !== rawLength : blockLength >= rawLength) return "a block as long as what it holds";
  return { rawLength, blockLength, stored, length: FRAME_HEADER_BYTES + blockLength + FRAME_TRAILER_BYTES };
}

/**
 * Decompresses the whole frame `frame` into the first `header.rawLength` bytes of `output`; a string says what is
 * wrong, and `output` is then garbage.
 */
export function decodeFrame(
  frame: Uint8Array,
  header: FrameHeader,
  output: Uint8Array,
  codec: BlockCodec = blocks,
): string | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const trailer = header.length - FRAME_TRAILER_BYTES;
  if (view.getUint32(trailer, true) !== 0) return "the LZ4 frame has no end mark after its block";
  const block = frame.subarray(FRAME_HEADER_BYTES, trailer);
  const raw = output.subarray(0, header.rawLength);
  if (header.stored) raw.set(block);
  else if (!codec.decode(block, raw)) return "the LZ4 block is malformed";
  return xxHash32(raw) === view.getUint32(trailer + 4, true) ? undefined : "the content does not match its checksum";
}

/** LZ4's code for the smallest maximum block size that holds `length` bytes: 64 KiB, 256 KiB, 1 MiB or 4 MiB. */
function blockSizeCode(length: number): number {
  return length <= 1 << 16 ? 4 : length <= 1 << 18 ? 5 : length <= 1 << 20 ? 6 : 7;
}

function headerChecksum(frame: Uint8Array): number {
  return (xxHash32(frame.subarray(4, 14)) >>> 8) & 0xff;
}
