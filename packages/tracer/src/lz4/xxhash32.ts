const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;

/** xxHash32 of `data`, unsigned. (github.com/Cyan4973/xxHash, doc/xxhash_spec.md) */
export function xxHash32(data: Uint8Array, seed = 0): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const end = data.byteLength;
  let p = 0;
  let h = (seed + P5) | 0;
  if (end >= 16) {
    let a = (seed + P1 + P2) | 0;
    let b = (seed + P2) | 0;
    let c = seed | 0;
    let d = (seed - P1) | 0;
    for (const limit = end - 16; p <= limit; p += 16) {
      a = round(a, view.getInt32(p, true));
      b = round(b, view.getInt32(p + 4, true));
      c = round(c, view.getInt32(p + 8, true));
      d = round(d, view.getInt32(p + 12, true));
    }
    h = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  h = (h + end) | 0;
  for (; p + 4 <= end; p += 4) h = Math.imul(rotate((h + Math.imul(view.getInt32(p, true), P3)) | 0, 17), P4);
  for (; p < end; p++) h = Math.imul(rotate((h + Math.imul(view.getUint8(p), P5)) | 0, 11), P1);
  h = Math.imul(h ^ (h >>> 15), P2);
  h = Math.imul(h ^ (h >>> 13), P3);
  return (h ^ (h >>> 16)) >>> 0;
}

function round(accumulator: number, lane: number): number {
  return Math.imul(rotate((accumulator + Math.imul(lane, P2)) | 0, 13), P1);
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
