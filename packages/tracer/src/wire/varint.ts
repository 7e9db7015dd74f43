/** Bytes a 32-bit varint takes at the most. */
export const MAX_VARINT_BYTES = 5;

/** Puts the unsigned 32-bit `value` at `position` of `bytes` as a varint; gives the position after it. */
export function putVarint(bytes: Uint8Array, position: number, value: number): number {
  let p = position;
  let v = value;
  while (v > 127) {
    bytes[p++] = (v & 127) | 128;
    v >>>= 7;
  }
  bytes[p++] = v;
  return p;
}

/**
 * Reads `count` packed unsigned varints, which must fill `bytes` exactly, into `output`. A number that exceeds `max`
 * (less than 2³²), overflows 32 bits or is cut off gives false.
 */
export function readPacked(
  bytes: Uint8Array,
  count: number,
  output: Uint32Array | Uint16Array | Uint8Array,
  max: number,
): boolean {
  let p = 0;
  let highest = 0;
  for (let i = 0; i < count; i++) {
    let byte = bytes[p++] ?? 255;
    let value = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      if (shift > 28) return false;
      byte = bytes[p++] ?? 255;
      if (shift === 28 && byte > 15) return false;
      value |= (byte & 127) << shift;
    }
    value >>>= 0;
    if (value > highest) highest = value;
    output[i] = value;
  }
  return p === bytes.length && highest <= max;
}
