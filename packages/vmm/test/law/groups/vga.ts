import fc from "fast-check";
import { out, read, type PortAccess } from "../../../src/fuzz/accesses.ts";
import { byte, plainGroup, type DeviceGroup } from "../device-group.ts";

const CRTC = 0x3d4;
const SEQUENCER = 0x3c4;
const GRAPHICS = 0x3ce;
const STATUS = 0x3da;
const MISC = 0x3c2;

/** Index and data, as two bytes or one word. */
const indexed = (port: number, last: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: last }), byte, fc.boolean())
    .map(([index, value, word]): readonly PortAccess[] =>
      word
        ? [{ direction: "out", port, width: 16, value: index | (value << 8) }]
        : [out(port, index), out(port + 1, value)],
    );

/** The colour palette's accesses that mean the same to one address register (hardware) and to two (v86). */
function oneAddress(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let mode: "write" | "read" = "write";
  return accesses.filter(({ direction, port }) => {
    if (direction === "out" && (port === 0x3c7 || port === 0x3c8)) mode = port === 0x3c7 ? "read" : "write";
    return port !== 0x3c9 || (direction === "out") === (mode === "write");
  });
}

/** Without the writes to CR11 that protect CR00 to CR07. */
function unprotected(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let index = 0;
  return accesses.filter(({ direction, port, width, value }) => {
    if (direction === "in") return true;
    if (port === CRTC) index = value & 0xff;
    const data = port === CRTC && width === 16 ? value >> 8 : port === CRTC + 1 ? value : undefined;
    return data === undefined || index !== 0x11 || (data & 0x80) === 0;
  });
}

/** The video controller's registers and palette. */
export const vga: DeviceGroup = {
  ...plainGroup,
  name: "VGA",
  fields: ["vga.*"],
  ports: [0x3c0, 0x3c1, 0x3c2, 0x3c4, 0x3c5, 0x3c6, 0x3c7, 0x3c8, 0x3c9, 0x3cc, 0x3ce, 0x3cf, 0x3d4, 0x3d5, 0x3da],
  // v86 comes up with index registers at -1, the palette shown and no colour address.
  prefix: [
    out(MISC, 0x67),
    out(SEQUENCER, 0),
    out(GRAPHICS, 0),
    read(STATUS),
    out(0x3c0, 0x20),
    read(STATUS),
    out(0x3c8, 0),
  ],
  pieces: fc.oneof(
    { weight: 3, arbitrary: indexed(CRTC, 0x19) },
    { weight: 2, arbitrary: indexed(SEQUENCER, 5) },
    { weight: 2, arbitrary: indexed(GRAPHICS, 9) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.oneof(fc.constantFrom(0x10, 0x30, 0x12, 0x33, 0x14), fc.integer({ min: 0, max: 0x3f })), byte)
        .map(([index, value]) => [read(STATUS), out(0x3c0, index), out(0x3c0, value)]),
    },
    fc.integer({ min: 0, max: 0x3f }).map((index) => [read(STATUS), out(0x3c0, index)]),
    {
      weight: 2,
      arbitrary: fc
        .tuple(byte, fc.array(byte, { minLength: 1, maxLength: 7 }))
        .map(([index, colours]) => [out(0x3c8, index), ...colours.map((colour) => out(0x3c9, colour))]),
    },
    fc
      .tuple(byte, fc.integer({ min: 0, max: 4 }))
      .map(([index, reads]) => [out(0x3c7, index), ...new Array<PortAccess>(reads).fill(read(0x3c9))]),
    byte.map((mask) => [out(0x3c6, mask)]),
    byte.map((misc) => [out(MISC, misc)]),
  ),
  idle: [
    ...["dispi_enable_value", "dispi_index"],
    ...["svga_bank_offset", "svga_bpp", "svga_enabled", "svga_height", "svga_offset", "svga_width"],
    ...["dac_color_index_read", "dac_color_index_write", "font_page_ab_enabled", "latch_dword", "max_cols", "max_rows"],
    ...["port_3DA_value", "start_address_latched"],
  ].map((field) => `vga.${field}`),
  avoided: [
    {
      why: "Miscellaneous Output bit 0 chooses 3Bxh or 3Dxh for the CRTC; v86 answers at both",
      without: (accesses) =>
        accesses.map((access) =>
          access.direction === "out" && access.port === MISC ? { ...access, value: access.value | 1 } : access,
        ),
    },
    { why: "CR11 bit 7 protects CR00 to CR07; v86 takes writes to them anyway", without: unprotected },
    { why: "the palette has one address for reading and writing; v86 has two", without: oneAddress },
  ],
};
