import { nanosecondsOf } from "../quantities.ts";

/** `0x20`: a port, value or mask. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** `0x0020`: with all digits of `bits` bits, for columns. */
export function hexPadded(value: number, bits: number): string {
  return `0x${value.toString(16).padStart(bits / 4, "0")}`;
}

/** `82,133`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 access`, `2 accesses`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `12.3 %`. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${((100 * part) / whole).toFixed(part > 0 && part / whole < 0.001 ? 3 : 1)} %`;
}

/** Nanoseconds as seconds with `digits` decimals. */
export function seconds(ns: number, digits: number): string {
  return (ns / nanosecondsOf.s).toFixed(digits);
}
