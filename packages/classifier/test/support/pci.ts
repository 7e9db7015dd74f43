import type { Width } from "@portrait/tracer";
import type { Row } from "./classify.ts";

/** Bits of the Command register. */
export const IO_SPACE = 0x01;
export const BUS_MASTER = 0x04;

/** Address of a configuration dword as CONFADD takes it. Function 0 of bus 0. */
export function configAddress(device: number, register: number, fn = 0): number {
  return (0x80000000 | (device << 11) | (fn << 8) | (register & 0xfc)) >>> 0;
}

/** What a guest does to write a configuration register. */
export function configWrite(device: number, register: number, value: number, width: Width = 32, fn = 0): Row[] {
  const port = 0xcfc + (register & 3);
  return [
    ["out", 0xcf8, configAddress(device, register, fn), 32],
    ["out", port, value, width],
  ];
}

/** What a guest does to read a configuration register, and what it is told. */
export function configRead(device: number, register: number, value: number, width: Width = 32, fn = 0): Row[] {
  const port = 0xcfc + (register & 3);
  return [
    ["out", 0xcf8, configAddress(device, register, fn), 32],
    ["in", port, value, width],
  ];
}

/** A function as firmware leaves it: identified, one base address given, decoding ports. */
export function placed(device: number, id: number, bar: number, base: number, fn = 0): Row[] {
  return [
    ...configRead(device, 0x00, id, 32, fn),
    ...configWrite(device, 0x10 + 4 * bar, base | 1, 32, fn),
    ...configWrite(device, 0x04, IO_SPACE | BUS_MASTER, 16, fn),
  ];
}
