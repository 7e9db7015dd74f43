/** Magic of the skippable frame that holds a trace's file header. */
export const HEADER_FRAME_MAGIC = 0x184d2a50;

/** Magic of the skippable frame that holds a trace's index. */
export const INDEX_FRAME_MAGIC = 0x184d2a5e;

/** Bytes before the content of a skippable frame: magic and length. */
export const SKIPPABLE_HEADER_BYTES = 8;

/** True for the sixteen magics that readers of LZ4 skip. */
export function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

/** A skippable frame with the content `parts`, in memory of its own. */
export function encodeSkippable(magic: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = new Uint8Array(SKIPPABLE_HEADER_BYTES + length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, length, true);
  let at = SKIPPABLE_HEADER_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** `value` as four bytes, little-endian. */
export function uint32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
