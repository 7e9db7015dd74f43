import fc from "fast-check";
import { type PortAccess } from "../../../src/fuzz/accesses.ts";
import { plainGroup, type DeviceGroup } from "../device-group.ts";

const word = (port: number, value: number): PortAccess => ({ direction: "out", port, width: 16, value });
const set = (index: number, value: number) => [word(0x1ce, index), word(0x1cf, value)];

/** Without banks while the mode is off, and without a mode of no size, which v86 does not switch on. */
function judged(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let index = 0;
  let enabled = false;
  return accesses.filter(({ direction, port, width, value }) => {
    if (direction === "in" || width !== 16) return true;
    if (port === 0x1ce) index = value;
    else if (index === 4) enabled = (value & 1) !== 0;
    else if (index === 5) return enabled;
    else return value !== 0 || index > 2;
    return true;
  });
}

/** The graphics modes beyond VGA's. */
export const bochsVbe: DeviceGroup = {
  ...plainGroup,
  name: "Bochs VBE",
  fields: ["vga.svga_*", "vga.dispi_*"],
  ports: [0x1ce, 0x1cf],
  prefix: [...set(1, 640), ...set(2, 480), ...set(3, 32)],
  pieces: fc.oneof(
    fc
      .tuple(
        fc.constantFrom(320, 640, 1024),
        fc.constantFrom(200, 480, 768),
        fc.constantFrom(8, 16, 24, 32),
        fc.constantFrom(0x01, 0x41, 0xc1, 0x61),
      )
      .map(([x, y, bpp, enable]) => [...set(1, x), ...set(2, y), ...set(3, bpp), ...set(4, enable)]),
    fc.constantFrom(0x00, 0x41, 0xc1).map((enable) => set(4, enable)),
    fc.integer({ min: 0, max: 15 }).map((bank) => set(5, bank)),
    fc
      .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }))
      .map(([x, y]) => [...set(8, x), ...set(9, y)]),
    fc
      .constantFrom(0, 1, 2, 3, 4, 6, 7, 10)
      .map((index) => [word(0x1ce, index), { direction: "in" as const, port: 0x1cf, width: 16 as const, value: 0 }]),
  ),
  idle: ["vga.dispi_enable_value", "vga.svga_offset"],
  avoided: [
    {
      why: "a bank is kept while the mode is off; v86 has none then. v86 does not switch on a mode of width or height 0",
      without: judged,
    },
  ],
};
