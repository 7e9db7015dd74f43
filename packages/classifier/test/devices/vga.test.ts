import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const ATTR = 0x3c0;
const SEQ = 0x3c4;
const GRAPHICS = 0x3ce;
const GRAPHICS_DATA = 0x3cf;
const CRTC = 0x3d4;
const CRTC_DATA = 0x3d5;
const CRTC_MONO = 0x3b4;
const CRTC_MONO_DATA = 0x3b5;

const color: Row = ["out", 0x3c2, 0x67];
const mono: Row = ["out", 0x3c2, 0x66];
const resetFlipFlop: Row = ["in", 0x3da, 0x00];
const vga = (rows: readonly Row[], fromReset = true) => classify(rows, { ids: ["vga"], fromReset });

describe("attribute controller", () => {
  test("3C0h takes address and data in turn", () => {
    const seen = vga([color, resetFlipFlop, ...outs(ATTR, 0x10, 0x0c, 0x12, 0x0f)]);
    expect(seen.registers.slice(2)).toEqual(["vga.ATTR_ADDRESS", "vga.AR10", "vga.ATTR_ADDRESS", "vga.AR12"]);
    expect(seen.rows[3]?.criteria).toEqual(["port", "direction", "state", "preceding"]);
    expect([0x10, 0x12].map((key) => seen.slot("vga", "ATTRIBUTE", key))).toEqual([0x0c, 0x0f]);
  });

  test("reading Input Status 1 makes the next write an address", () => {
    const seen = vga([color, ...outs(ATTR, 0x10), resetFlipFlop, ...outs(ATTR, 0x12)]);
    expect(seen.registers.slice(3)).toEqual(["vga.ATTR_ADDRESS"]);
  });

  test("so does reading it at 3BAh when that is selected", () => {
    const seen = vga([mono, ...outs(ATTR, 0x10), ["in", 0x3ba, 0x00], ...outs(ATTR, 0x12)]);
    expect(seen.registers.slice(3)).toEqual(["vga.ATTR_ADDRESS"]);
  });

  test("reading it at the port that is not selected does not", () => {
    const seen = vga([color, ...outs(ATTR, 0x10), ["in", 0x3ba, 0xff], ...outs(ATTR, 0x0c)]);
    expect(seen.registers.slice(3)).toEqual(["vga.AR10"]);
  });

  test("the address keeps the palette address source", () => {
    const seen = vga([color, ...outs(ATTR, 0x34)]);
    expect([seen.selector("vga", "attr_index"), seen.selector("vga", "pas")]).toEqual([0x14, 1]);
    expect(seen.slot("vga", "ATTR_ADDRESS")).toBe(0x34);
  });

  test("a late trace knows the flip-flop after the first read of Input Status 1", () => {
    const seen = vga([color, ...outs(ATTR, 0x10), resetFlipFlop, ...outs(ATTR, 0x10)], false);
    expect(seen.registers[1]).toContain("vga.ATTR_ADDRESS|");
    expect(seen.registers[3]).toBe("vga.ATTR_ADDRESS");
  });

  test("what 3C1h shows is taken as a write to the register of the index", () => {
    const seen = vga([color, resetFlipFlop, ...outs(ATTR, 0x11), ["in", 0x3c1, 0x07]], false);
    const { slots, instance } = seen.state("vga");
    const held = instance.device.slots.flatMap((slot) => [...slots.keys(slot)]);
    expect(held).toMatchObject([[0x11, { status: "known", closed: [{ register: { name: "AR11" }, value: 0x07 }] }]]);
  });
});

describe("indexed registers", () => {
  test("a word is index and data", () => {
    const seen = vga([["out", SEQ, 0x0302, 16], ["out", GRAPHICS, 0xff08, 16], color, ["out", CRTC, 0x4f01, 16]]);
    expect(seen.registers).toEqual([
      "vga.SEQ_INDEX+vga.SR02",
      "vga.GRAPHICS_INDEX+vga.GR08",
      "vga.MISC_OUTPUT",
      "vga.CRTC_INDEX+vga.CR01",
    ]);
    expect(["SR02", "GR08", "CR01"].map((name) => seen.slot("vga", name))).toEqual([0x03, 0xff, 0x4f]);
  });

  test("an index that is read is known from then on", () => {
    const seen = vga(
      [
        ["in", GRAPHICS, 0x05],
        ["out", GRAPHICS_DATA, 0x40],
      ],
      false,
    );
    expect(seen.registers[1]).toBe("vga.GR05");
  });

  test("what would start a BLT on a Cirrus is not kept, and GR01 is unknown after it", () => {
    const gr01: Row[] = [...outs(GRAPHICS, 0x01), ...outs(GRAPHICS_DATA, 0x03)];
    const gr30: Row[] = [...outs(GRAPHICS, 0x30), ...outs(GRAPHICS_DATA, 0x04)];
    const seen = vga([...gr01, ...gr30, ...outs(GRAPHICS, 0x31), ...outs(GRAPHICS_DATA, 0x02)]);
    expect(seen.rows.at(-1)).toMatchObject({ register: "vga.GR31", verdict: "command" });
    expect([0x30, 0x31].map((index) => seen.slot("vga", "GR_EXTENDED", index))).toEqual([0x04, "reset"]);
    expect(seen.slot("vga", "GR01")).toMatch(/^unknown: index 31h/);
  });

  test("the sequencer leaves its reset after Miscellaneous Output and its other registers", () => {
    const rank = new Map(
      vga([])
        .state("vga")
        .instance.device.slots.map((slot) => [slot.name, slot.rank]),
    );
    expect(rank.get("SR00")).toBeGreaterThan(rank.get("SR01") ?? Infinity);
    expect(rank.get("SR01")).toBeGreaterThan(rank.get("MISC_OUTPUT") ?? Infinity);
  });
});

describe("CRT controller", () => {
  test("answers at 3D4h while Miscellaneous Output bit 0 is 1, else at 3B4h", () => {
    const at3d4: Row[] = [...outs(CRTC, 0x0e), ...outs(CRTC_DATA, 0x07)];
    const at3b4: Row[] = [...outs(CRTC_MONO, 0x0f), ...outs(CRTC_MONO_DATA, 0x80)];
    expect(vga([color, ...at3d4, ...at3b4]).registers.slice(1)).toEqual([
      "vga.CRTC_INDEX",
      "vga.CR0E",
      "vga.CRTC_ADDRESS_MONO_OFF",
      "vga.CRTC_DATA_MONO_OFF",
    ]);
    expect(vga([mono, ...at3d4, ...at3b4]).registers.slice(1)).toEqual([
      "vga.CRTC_ADDRESS_OFF",
      "vga.CRTC_DATA_OFF",
      "vga.CRTC_INDEX_MONO",
      "vga.CRTC_MONO_UPPER",
    ]);
  });

  test("after reset it answers at 3B4h", () => {
    expect(vga(outs(CRTC, 0x0e)).registers).toEqual(["vga.CRTC_ADDRESS_OFF"]);
  });

  test("CR11 bit 7 protects CR00-CR07", () => {
    const protect: Row[] = [...outs(CRTC, 0x11), ...outs(CRTC_DATA, 0x8e)];
    const seen = vga([
      color,
      ["out", CRTC, 0x5f00, 16],
      ...protect,
      ["out", CRTC, 0x2d00, 16],
      ["out", CRTC, 0x1f08, 16],
    ]);
    expect(seen.registers.slice(4)).toEqual(["vga.CRTC_INDEX+vga.CRTC_PROTECTED", "vga.CRTC_INDEX+vga.CR08"]);
    expect(seen.slot("vga", "CR00")).toBe(0x5f);
  });

  test("but not bit 4 of CR07, the line compare bit 8", () => {
    const seen = vga([color, ["out", CRTC, 0x1f07, 16], ["out", CRTC, 0x8e11, 16], ["out", CRTC, 0xff07, 16]]);
    expect(seen.slot("vga", "CR07")).toBe(0x1f);
    expect(seen.slot("vga", "LC8")).toBe(0x10);
  });

  test("is protected at its monochrome ports alike", () => {
    const index = (value: number) => outs(CRTC_MONO, value);
    const data = (value: number) => outs(CRTC_MONO_DATA, value);
    const seen = vga([
      mono,
      ...index(0x11),
      ...data(0x80),
      ...index(0x00),
      ...data(0x2d),
      ...index(0x07),
      ...data(0xff),
    ]);
    expect([4, 6].map((row) => seen.registers[row])).toEqual(["vga.CRTC_MONO_PROTECTED", "vga.CR07_MONO_PROTECTED"]);
    expect(seen.slot("vga", "LC8")).toBe(0x10);
  });

  test("a whole write of CR07 ends what was written beside its protection", () => {
    const rows: Row[] = [color, ["out", CRTC, 0x8e11, 16], ["out", CRTC, 0xff07, 16]];
    const seen = vga([...rows, ["out", CRTC, 0x0e11, 16], ["out", CRTC, 0x0f07, 16]]);
    expect([seen.slot("vga", "CR07"), seen.slot("vga", "LC8")]).toEqual([0x0f, "none"]);
  });

  test("CR11 comes back after the registers it protects", () => {
    const rank = new Map(
      vga([])
        .state("vga")
        .instance.device.slots.map((slot) => [slot.name, slot.rank]),
    );
    for (const name of ["CR00", "CR07", "LC8", "CRTC_MONO"]) {
      expect(rank.get("CR11")).toBeGreaterThan(rank.get(name) ?? Infinity);
    }
  });
});

describe("registers that are written and read at different ports", () => {
  test("Miscellaneous Output is written at 3C2h and read at 3CCh", () => {
    const seen = vga(
      [
        ["in", 0x3cc, 0xe3],
        ["in", 0x3c2, 0x10],
      ],
      false,
    );
    expect(seen.registers).toEqual(["vga.MISC_OUTPUT_READ", "vga.INPUT_STATUS_0"]);
    expect(seen.slot("vga", "MISC_OUTPUT")).toBe(0xe3);
    expect(seen.selector("vga", "ioas")).toBe("color");
  });

  test("Feature Control is written where Input Status 1 is read", () => {
    const seen = vga([color, ["out", 0x3da, 0x03], ["in", 0x3da, 0x09]]);
    expect(seen.registers.slice(1)).toEqual(["vga.FEATURE_CONTROL", "vga.INPUT_STATUS_1"]);
    expect(seen.slot("vga", "FEATURE_CONTROL")).toBe(0x03);
  });
});

test("an attribute register that was read comes back by the register its key stands for", () => {
  const seen = vga([color, resetFlipFlop, ...outs(ATTR, 0x34), ["in", 0x3c1, 0x03]], false);
  const { instance, slots } = seen.state("vga");
  const slot = instance.device.slots.find(({ name }) => name === "ATTRIBUTE");
  const content = slot && slots.content(slot, 0x14);
  expect(content).toMatchObject({ status: "known", closed: [{ register: { name: "AR14" }, value: 0x03, read: true }] });
});

describe("palette", () => {
  test("a colour is three writes, and the address moves on after the third", () => {
    const seen = vga([...outs(0x3c8, 0x10), ...outs(0x3c9, 1, 2, 3, 4, 5, 6)]);
    expect(seen.slot("vga", "DAC", 0x10)).toEqual(["DAC_DATA=01", "DAC_DATA=02", "DAC_DATA=03"]);
    expect(seen.slot("vga", "DAC", 0x11)).toEqual(["DAC_DATA=04", "DAC_DATA=05", "DAC_DATA=06"]);
    expect(seen.selector("vga", "dac_index")).toBe(0x12);
  });

  test("a half-written colour is kept apart from the one before it", () => {
    const seen = vga([...outs(0x3c8, 7), ...outs(0x3c9, 1, 2, 3), ...outs(0x3c8, 7), ...outs(0x3c9, 0x3f)]);
    expect(seen.slot("vga", "DAC", 7)).toEqual(["DAC_DATA=01", "DAC_DATA=02", "DAC_DATA=03", "|DAC_DATA=3f"]);
    expect(seen.selector("vga", "dac_sub")).toBe("green");
  });

  test("writing an address begins a colour again", () => {
    const seen = vga([...outs(0x3c8, 7), ...outs(0x3c9, 1), ...outs(0x3c8, 8), ...outs(0x3c9, 4, 5, 6)]);
    expect(seen.slot("vga", "DAC", 8)).toEqual(["DAC_DATA=04", "DAC_DATA=05", "DAC_DATA=06"]);
  });

  test("after 255 comes 0", () => {
    const seen = vga([...outs(0x3c8, 0xff), ...outs(0x3c9, 1, 2, 3, 4, 5, 6)]);
    expect(seen.slot("vga", "DAC", 0)).toEqual(["DAC_DATA=04", "DAC_DATA=05", "DAC_DATA=06"]);
  });

  test("reads move the address on too", () => {
    const seen = vga([...outs(0x3c7, 4), ["in", 0x3c9, 1], ["in", 0x3c9, 2], ["in", 0x3c9, 3]]);
    expect(["dac_mode", "dac_index", "dac_sub"].map((name) => seen.selector("vga", name))).toEqual(["read", 5, "red"]);
  });
});
