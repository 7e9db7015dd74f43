import type { TraceFormatCode } from "../errors.ts";
import type { TraceInfo } from "../info.ts";
import { MAX_HEADER_BYTES } from "../limits.ts";
import { encodeSkippable, HEADER_FRAME_MAGIC, SKIPPABLE_HEADER_BYTES, uint32Bytes } from "../lz4/skippable.ts";
import { xxHash32 } from "../lz4/xxhash32.ts";
import { decodeFileHeader, encodeFileHeader, KNOWN_CRITICAL_FEATURES } from "./header.ts";

/** Version of the format that is written; files of a higher version are refused. */
export const FORMAT_VERSION = 1;

/** First bytes of a header frame's content. Like PNG's, they show a file that went through a text-mode copy. */
const SIGNATURE = Uint8Array.from([0x89, 0x50, 0x49, 0x4f, 0x0d, 0x0a, 0x1a, 0x0a]);

const FIXED_BYTES = SIGNATURE.length + 4;
const CHECKSUM_BYTES = 4;

/** Bytes of a header frame up to and with its signature. */
export const HEADER_PREFIX_BYTES = SKIPPABLE_HEADER_BYTES + SIGNATURE.length;

/** The header frame of a trace. Throws RangeError where `info` is over the format's limits. */
export function encodeHeaderFrame(info: TraceInfo): Uint8Array {
  const message = encodeFileHeader(info);
  if (message.length > MAX_HEADER_BYTES) throw new RangeError(`a file header of ${message.length} bytes, over 4 MiB`);
  const covered = Buffer.concat([SIGNATURE, uint32Bytes(FORMAT_VERSION), message]);
  return encodeSkippable(HEADER_FRAME_MAGIC, [covered, uint32Bytes(xxHash32(covered))]);
}

/** True when the {@link HEADER_PREFIX_BYTES} in `prefix` begin a header frame. */
export function isHeaderFrame(prefix: Uint8Array): boolean {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  return view.getUint32(0, true) === HEADER_FRAME_MAGIC && SIGNATURE.every((byte, i) => prefix[8 + i] === byte);
}

/** Bytes of the header frame that `prefix` begins; undefined where it is too short or over the format's limit. */
export function headerFrameLength(prefix: Uint8Array): number | undefined {
  const content = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength).getUint32(4, true);
  if (content < FIXED_BYTES + CHECKSUM_BYTES || content > FIXED_BYTES + MAX_HEADER_BYTES + CHECKSUM_BYTES)
    return undefined;
  return SKIPPABLE_HEADER_BYTES + content;
}

/** What a whole header frame says, or why it cannot be used. */
export function decodeHeaderFrame(
  frame: Uint8Array,
): TraceInfo | { readonly code: TraceFormatCode; readonly reason: string } {
  const covered = frame.subarray(SKIPPABLE_HEADER_BYTES, frame.length - CHECKSUM_BYTES);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (xxHash32(covered) !== view.getUint32(frame.length - CHECKSUM_BYTES, true)) {
    return { code: "TRACE_HEADER_DAMAGED", reason: "the file header does not match its checksum" };
  }
  const version = view.getUint32(HEADER_PREFIX_BYTES, true);
  if (version !== FORMAT_VERSION) {
    return {
      code: "TRACE_VERSION",
      reason: `format version ${version}; this program reads version ${FORMAT_VERSION}: use a newer one`,
    };
  }
  try {
    const { criticalFeatures, info } = decodeFileHeader(covered.subarray(FIXED_BYTES));
    return unknownFeatures(criticalFeatures) ?? info;
  } catch (error) {
    return { code: "TRACE_HEADER_DAMAGED", reason: `the file header is malformed: ${String(error)}` };
  }
}

/** Why critical features keep a header or a chunk from being read, if they do. */
export function unknownFeatures(bits: number): { readonly code: "TRACE_FEATURE"; readonly reason: string } | undefined {
  const unknown = (bits & ~KNOWN_CRITICAL_FEATURES) >>> 0;
  if (unknown === 0) return undefined;
  return {
    code: "TRACE_FEATURE",
    reason: `needs features 0x${unknown.toString(16)} this program does not know: use a newer one`,
  };
}
