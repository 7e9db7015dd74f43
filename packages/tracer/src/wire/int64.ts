import type { Reader, Writer } from "protobufjs/minimal.js";

type Long = ReturnType<Reader["uint64"]>;

// The one place where 64-bit fields meet JavaScript: protobufjs writes a bigint as 0 and, where Long is not loaded, rounds
// what is beyond 53 bits, both without a word.

/** Writes an unsigned integer of at most 53 bits as uint64. */
export function writeUint64(writer: Writer, value: number): Writer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not an unsigned safe integer`);
  return writer.uint64(value);
}

/** Writes a signed integer of at most 53 bits as sint64. */
export function writeSint64(writer: Writer, value: number): Writer {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`);
  return writer.sint64(value);
}

/** Writes a bigint as sfixed64. */
export function writeSfixed64(writer: Writer, value: bigint): Writer {
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} does not fit 64 bits`);
  return writer.fixed32(Number(value & 0xffffffffn)).fixed32(Number((value >> 32n) & 0xffffffffn));
}

/** Reads a uint64 that must be a safe integer. Throws RangeError. */
export function readUint64(reader: Reader): number {
  return safe(reader.uint64());
}

/** Reads a sint64 that must be a safe integer. Throws RangeError. */
export function readSint64(reader: Reader): number {
  return safe(reader.sint64());
}

/** Reads a sfixed64. */
export function readSfixed64(reader: Reader): bigint {
  const low = BigInt(reader.fixed32());
  return BigInt.asIntN(64, (BigInt(reader.fixed32()) << 32n) | low);
}

function safe(value: Long | number): number {
  const number = typeof value === "number" ? value : fromHalves(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${number} is beyond 53 bits`);
  return number;
}

function fromHalves({ high, low, unsigned }: Long): number {
  return (unsigned ? high >>> 0 : high) * 2 ** 32 + (low >>> 0);
}
