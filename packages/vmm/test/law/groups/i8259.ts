import fc from "fast-check";
import { out, read } from "../../../src/fuzz/accesses.ts";
import { avoid, byte, difference, meets, mostly, plainGroup, type DeviceGroup } from "../device-group.ts";

const COMMAND = [0x20, 0xa0];
const ICW1 = { direction: "out", ports: COMMAND, mask: 0x10, match: 0x10 } as const;

const initialisation = fc.record({
  port: fc.constantFrom(...COMMAND),
  icw1: mostly(0x11, 0x10, 0x19, 0xf1),
  icw2: byte,
  icw3: mostly(0x04, 0x02),
  icw4: mostly(0x01, 0x03, 0x1d),
  mask: byte,
});

/** Both interrupt controllers with the edge/level registers. */
export const i8259: DeviceGroup = {
  ...plainGroup,
  name: "8259A pair and ELCR",
  fields: ["pic.*"],
  ports: [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1],
  pieces: fc.oneof(
    initialisation.map(({ port, icw1, icw2, icw3, icw4, mask }) => [
      out(port, icw1 | 0x10),
      ...[icw2, icw3, ...((icw1 & 1) === 1 ? [icw4] : []), mask].map((value) => out(port + 1, value)),
    ]),
    // Begun, and begun again.
    fc
      .tuple(initialisation, fc.array(fc.tuple(byte, fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 3 }))
      .map(([{ port, icw1, icw3 }, beginnings]) =>
        beginnings.flatMap(([icw2, length]) => [
          out(port, icw1 | 0x10),
          ...[icw2, icw3].slice(0, length).map((value) => out(port + 1, value)),
        ]),
      ),
    fc
      .tuple(fc.constantFrom(...COMMAND), fc.constantFrom(0x0a, 0x0b, 0x68, 0x48, 0x6b, 0x4a, 0x08, 0x0c))
      .map(([port, ocw3]) => [out(port, ocw3)]),
    fc
      .tuple(fc.constantFrom(...COMMAND), fc.constantFrom(0x20, 0x60, 0x63, 0xa0, 0xc2, 0xe1, 0x80, 0x00, 0x40))
      .map(([port, ocw2]) => [out(port, ocw2)]),
    fc.tuple(fc.constantFrom(...COMMAND), byte).map(([port, mask]) => [out(port + 1, mask)]),
    byte.map((level) => [out(0x4d0, level & 0xf8), out(0x4d1, level & 0xde)]),
    fc.constantFrom(...COMMAND).map((port) => [read(port), read(port + 1)]),
  ),
  avoided: [
    avoid(difference("out", 0x20, 0x12, 0x12)),
    avoid(difference("out", 0x20, 0x98, 0x88)),
    ...[0x01, 0x02, 0x04].map((bit) => avoid(difference("out", 0x4d0, bit, bit))),
    ...[0x01, 0x20].map((bit) => avoid(difference("out", 0x4d1, bit, bit))),
  ],
  completions: [
    {
      why: "ICW1 selects IRR for reading and ends special mask mode; v86 keeps both",
      start: () => (access) => (meets(ICW1, access) ? [out(access.port, 0x4a)] : []),
    },
  ],
  unknown: ["pic1.OCW2", "pic2.OCW2"],
  idle: ["master", "slave"].flatMap((pic) =>
    ["is_master", "isr", "irr", "irq_value"].map((field) => `pic.${pic}.${field}`),
  ),
};
