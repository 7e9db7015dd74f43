import fc from "fast-check";
import { out, read } from "../../../src/fuzz/accesses.ts";
import { byte, mostly, plainGroup, type DeviceGroup } from "../device-group.ts";

const BASE = 0x3f8;

/** The first serial port. */
export const uart16550: DeviceGroup = {
  ...plainGroup,
  name: "16550A",
  fields: ["uart0.*"],
  ports: [0, 1, 2, 3, 4, 5, 6, 7].map((offset) => BASE + offset),
  pieces: fc.oneof(
    fc
      .tuple(byte, byte, mostly(0x03, 0x1b))
      .map(([low, high, line]) => [
        out(BASE + 3, line | 0x80),
        out(BASE, low),
        out(BASE + 1, high),
        out(BASE + 3, line & 0x7f),
      ]),
    mostly(0x01, 0x07, 0xc7, 0x00, 0x81).map((control) => [out(BASE + 2, control)]),
    mostly(0x00, 0x01, 0x05, 0x0f).map((enables) => [out(BASE + 1, enables)]),
    mostly(0x0b, 0x03, 0x00).map((modem) => [out(BASE + 4, modem)]),
    byte.map((scratch) => [out(BASE + 7, scratch)]),
    mostly(0x03, 0x83, 0x1b).map((line) => [out(BASE + 3, line)]),
    byte.map((data) => [read(BASE + 5), out(BASE, data)]),
    fc.constantFrom(0, 1, 2, 5, 6).map((offset) => [read(BASE + offset)]),
  ),
  idle: ["iir", "input.length", "ints", "irq", "lsr", "modem_status"].map((field) => `uart0.${field}`),
};
