import type { DeviceField } from "../../machine.ts";
import { virtioFields } from "./virtio-fields.ts";

/** Longest buffer each byte of which is a field of its own: configuration spaces, CMOS RAM, queues. */
const BYTEWISE_LIMIT = 256;
const BUFFERS = new Set(["buffer", "pci config"]);

/** How many fields {@link decodeField} gives for the bytes. */
export function fieldsIn(type: string, bytes: Buffer): number {
  if (type === "unused_buffer") return 0;
  if (type === "virtio") return virtioFields("", bytes)?.length ?? 1;
  return BUFFERS.has(type) && bytes.length <= BYTEWISE_LIMIT ? bytes.length : 1;
}

/**
 * The fields in the bytes of one described field, by its type (QEMU 7.2, migration/vmstate-types.c). Numbers beyond 2^53 are decimal
 * texts, long buffers and unknown types hexadecimal ones; padding gives none.
 */
export function decodeField(path: string, type: string, bytes: Buffer): readonly DeviceField[] {
  if (type === "unused_buffer") return [];
  if (BUFFERS.has(type) && bytes.length <= BYTEWISE_LIMIT) {
    // QEMU calls a buffer by its first element: "config[0]".
    const buffer = path.replace(/\[0\]$/, "");
    return Array.from(bytes, (value, i) => ({ path: `${buffer}[${i}]`, value }));
  }
  const parts = type === "virtio" ? virtioFields(path, bytes) : undefined;
  return parts ?? [{ path, value: decodeValue(type, bytes) }];
}

function decodeValue(type: string, bytes: Buffer): DeviceField["value"] {
  // "int32 equal", "uint8 equal", "int32 le" are integers with a condition on the destination.
  const integer = /^(u?)int(8|16|32|64)\b/.exec(type) ?? (type === "timer" ? ["", "", "64"] : undefined);
  if (integer !== undefined && bytes.length * 8 === Number(integer[2])) return decodeInteger(bytes, integer[1] !== "u");
  if (type === "bool" && bytes.length === 1) return bytes[0] !== 0;
  return bytes.toString("hex");
}

function decodeInteger(bytes: Buffer, signed: boolean): number | string {
  const bits = bytes.length * 8;
  if (bits < 64) return signed ? bytes.readIntBE(0, bytes.length) : bytes.readUIntBE(0, bytes.length);
  const value = signed ? bytes.readBigInt64BE() : bytes.readBigUInt64BE();
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}
