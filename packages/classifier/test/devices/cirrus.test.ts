import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";
import { configRead } from "../support/pci.ts";

const SEQ = 0x3c4;
const GRAPHICS = 0x3ce;
const CRTC = 0x3d4;
const DAC_MASK = 0x3c6;
const DAC_WRITE = 0x3c8;
const DAC_DATA = 0x3c9;

const put = (port: number, index: number, value: number): Row[] => [...outs(port, index), ...outs(port + 1, value)];
const get = (port: number, index: number, value: number): Row[] => [...outs(port, index), ["in", port + 1, value]];
const ids = ["pci", "vga", "cirrus"];
/** With the card seen on the bus, its CRT controller at 3D4h. */
const cirrus = (rows: readonly Row[], fromReset = true) => {
  const { registers, ...seen } = classify([...configRead(2, 0, 0x00b81013), ["out", 0x3c2, 0x67], ...rows], {
    ids,
    fromReset,
  });
  return { ...seen, registers: registers.slice(3) };
};

test("it is a VGA until the guest has seen which", () => {
  expect(classify(put(SEQ, 0x07, 0x11), { ids }).registers).toEqual(["vga.SEQ_INDEX", "vga.SR_EXTENDED"]);
  expect(cirrus(put(SEQ, 0x07, 0x11)).registers).toEqual(["cirrus.SEQ_INDEX", "cirrus.SR07"]);
  expect(cirrus(put(SEQ, 0x02, 0x0f)).registers).toEqual(["cirrus.SEQ_INDEX", "cirrus.SR02"]);
});

test("the key shows as 12h, anything else as 0Fh", () => {
  for (const [value, shown] of [
    [0x12, 0x12],
    [0xfa, 0x12],
    [0x00, 0x0f],
    [0x13, 0x0f],
    [0x02, 0x0f],
  ] as const) {
    expect(cirrus(put(SEQ, 0x06, value)).slot("cirrus", "SR06")).toBe(shown);
  }
});

test("the low bits of the cursor's position are bits of the index", () => {
  const seen = cirrus([...put(SEQ, 0x10, 0x20), ...put(SEQ, 0xd0, 0x21), ...put(SEQ, 0x71, 0x22)]);
  expect(seen.registers.filter((_, i) => i % 2 === 1)).toEqual(
    ["CURSOR_X", "CURSOR_X", "CURSOR_Y"].map((one) => `cirrus.${one}`),
  );
  expect([seen.slot("cirrus", "CURSOR_X", 0xd0), seen.slot("cirrus", "CURSOR_Y", 0x71)]).toEqual([0x21, 0x22]);
});

describe("Hidden DAC", () => {
  const reads = (count: number): Row[] => Array.from({ length: count }, () => ["in", DAC_MASK, 0xff]);

  test.each([0, 1, 2, 3])("after %i reads a write is to the pixel mask", (count) => {
    expect(cirrus([...reads(count), ...outs(DAC_MASK, 0x5a)]).slot("cirrus", "DAC_MASK")).toBe(0x5a);
  });

  test("after four it is to the Hidden DAC, and the next one to the mask again", () => {
    const seen = cirrus([...reads(4), ...outs(DAC_MASK, 0xc1, 0xff)]);
    expect(seen.registers.slice(4)).toEqual(["cirrus.HDR", "cirrus.DAC_MASK"]);
    expect(seen.slot("cirrus", "HDR")).toBe(0xc1);
  });

  test("reading the palette's address begins the count again", () => {
    expect(cirrus([...reads(3), ["in", DAC_WRITE, 0], ...reads(1), ...outs(DAC_MASK, 1)]).registers.at(-1)).toBe(
      "cirrus.DAC_MASK",
    );
  });
});

test("colours are the cursor's while SR12 says so", () => {
  const colour = outs(DAC_DATA, 1, 2, 3);
  const seen = cirrus([
    ...put(SEQ, 0x12, 0x02),
    ...outs(DAC_WRITE, 15),
    ...colour,
    ...put(SEQ, 0x12, 0x01),
    ...outs(DAC_WRITE, 15),
    ...outs(DAC_DATA, 7, 8, 9),
  ]);
  const written = (...values: readonly number[]) => values.map((value) => `DAC_DATA=0${value}`);
  expect(seen.slot("cirrus", "CURSOR_DAC", 15)).toEqual(written(1, 2, 3));
  expect(seen.slot("cirrus", "DAC", 15)).toEqual(written(7, 8, 9));
});

describe("BLT", () => {
  test("is not started again; whether it starts by itself and is held in reset comes back", () => {
    expect(cirrus(put(GRAPHICS, 0x31, 0x02)).slot("cirrus", "GR31")).toBe(0x00);
    expect(cirrus(put(GRAPHICS, 0x31, 0x82)).slot("cirrus", "GR31")).toBe(0x80);
    expect(cirrus(put(GRAPHICS, 0x31, 0x04)).slot("cirrus", "GR31")).toBe(0x04);
  });

  test("does not start by itself while its destination is written", () => {
    const { slots } = cirrus([]).state("cirrus").instance.device;
    const rank = new Map(slots.map((slot) => [slot.name, slot.rank]));
    expect(rank.get("GR31")).toBeGreaterThan(rank.get("GR2A") ?? Infinity);
  });

  test("colours reach beyond the VGA's four bits", () => {
    expect(cirrus(put(GRAPHICS, 0x00, 0xa5)).slot("cirrus", "GR00")).toBe(0xa5);
  });
});

test("the attribute controller's address can be read, and what comes next to it", () => {
  const seen = cirrus([...get(CRTC, 0x24, 0x80), ...get(CRTC, 0x26, 0x32)], false);
  expect(["attr_ff", "attr_index", "pas"].map((name) => seen.selector("cirrus", name))).toEqual(["data", 0x12, 1]);
});
