import { xxHash32 } from "../lz4/xxhash32.ts";

/** Digest of the encoded fields of a chunk that say what was accessed, as sixteen hexadecimal digits. */
export function digestOf(fields: Uint8Array): string {
  return hex(xxHash32(fields, 1)) + hex(xxHash32(fields, 0));
}

/** Eight hexadecimal digits. */
export function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
