/** The CPU's side of a port access: `in` reads a port, `out` writes it. */
export type Direction = "in" | "out";

/** Bits moved by one access. */
export type Width = 8 | 16 | 32;

/**
 * Direction and width of an access packed in one byte, as the batch columns hold it.
 * Bit 0 is set for OUT; bits 2:1 are log2(width / 8); bit 3 marks a string instruction whose count and payload stand
 * in the batch's `strings`.
 */
export type Op = number;

const OUT = 0b0001;
const STRING = 0b1000;

/** The op byte of an access. */
export function opOf(direction: Direction, width: Width, string = false): Op {
  return (direction === "out" ? OUT : 0) | (width === 8 ? 0 : width === 16 ? 0b010 : 0b100) | (string ? STRING : 0);
}

/** True when the op writes the port. */
export function isOut(op: Op): boolean {
  return (op & OUT) !== 0;
}

/** True when the op is a string instruction with an entry in the batch's `strings`. */
export function isString(op: Op): boolean {
  return (op & STRING) !== 0;
}

/** Direction of an op byte. */
export function directionOf(op: Op): Direction {
  return isOut(op) ? "out" : "in";
}

/** Width of an op byte in bits. */
export function widthOf(op: Op): Width {
  const code = (op >>> 1) & 3;
  return code === 0 ? 8 : code === 1 ? 16 : 32;
}

/** All ones of a width, the value an unmapped port reads as. */
export function allOnes(width: Width): number {
  return width === 32 ? 0xffffffff : width === 16 ? 0xffff : 0xff;
}
