import { describe, expect, test } from "vitest";
import { classify, ins, outs, push, type Row } from "./support/classify.ts";

const late = { fromReset: false };
const ICWS: Row[] = [...outs(0x20, 0x11), ...outs(0x21, 0x20, 0x04, 0x01)];

describe("a trace that begins in the middle", () => {
  test("reports OUT 21h as all it may be, and settles with the next ICW1", () => {
    const session = classify([...outs(0x21, 0xfe), ...ICWS, ...outs(0x21, 0xfe)], late);
    expect(session.registers).toEqual([
      "pic1.ICW2|pic1.ICW3|pic1.ICW4|pic1.OCW1",
      "pic1.ICW1",
      "pic1.ICW2",
      "pic1.ICW3",
      "pic1.ICW4",
      "pic1.OCW1",
    ]);
  });

  test("knows nothing of what the first access may have changed, until it is written again", () => {
    expect(classify(outs(0x21, 0xfe), late).slot("pic1", "IMR")).toMatch(/^unknown/);
    expect(classify([...ICWS, ...outs(0x21, 0xfe)], late).slot("pic1", "IMR")).toBe(0xfe);
  });

  test.each<[string, Row, string, Row, string]>([
    ["LCR", ["out", 0x3f8, 0x41], "com1.THR|com1.DLL", ["out", 0x3fb, 0x03], "com1.THR"],
    ["a control word", ["out", 0x40, 0x12], "pit.COUNT0_LOW|pit.COUNT0_HIGH", ["out", 0x43, 0x34], "pit.COUNT0_LOW"],
    ["OUT 0Ch", ["out", 0x02, 0x12], "dma1.ADDRESS1_LOW|dma1.ADDRESS1_HIGH", ["out", 0x0c, 0x00], "dma1.ADDRESS1_LOW"],
  ])("settles with %s", (_, access, unsure, settling, sure) => {
    const session = classify([access, settling, access], late);
    expect(session.registers[0]).toBe(unsure);
    expect(session.registers[2]).toBe(sure);
  });

  test("an index register that was not seen leaves the data's place unknown", () => {
    const session = classify([...outs(0x71, 0x26), ...outs(0x70, 0x0a), ...outs(0x71, 0x26)], late);
    expect(session.registers[0]?.split("|").length).toBeGreaterThan(10);
    expect(session.registers[2]).toBe("rtc.REG_A");
  });
});

describe("a gap", () => {
  const rows: Row[] = [...ICWS, ...outs(0x21, 0xfe), ...outs(0x3fb, 0x83), ...outs(0x3f8, 0x01)];
  const withGap = (...after: readonly Row[]) =>
    classify((builder) => {
      for (const row of rows) push(builder, row);
      builder.gap(0, "ring buffer overrun", 17);
      for (const row of after) push(builder, row);
    });

  test("makes every register unknown, with the reason", () => {
    const session = withGap();
    for (const [device, slot] of [
      ["pic1", "INIT"],
      ["pic1", "IMR"],
      ["com1", "LCR"],
      ["com1", "DLL"],
      ["pic2", "IMR"],
    ] as const) {
      expect(session.slot(device, slot)).toBe("unknown: not observed: ring buffer overrun");
    }
  });

  test("makes selectors unknown: what follows may be several registers until they are written", () => {
    const session = withGap(...outs(0x21, 0xff), ...outs(0x3f8, 0x02), ...outs(0x3fb, 0x83), ...outs(0x3f8, 0x02));
    expect(session.registers.slice(rows.length)).toEqual([
      "pic1.ICW2|pic1.ICW3|pic1.ICW4|pic1.OCW1",
      "com1.THR|com1.DLL",
      "com1.LCR",
      "com1.DLL",
    ]);
    expect(session.slot("com1", "DLL")).toBe(0x02);
    expect(session.slot("com1", "DLM")).toMatch(/^unknown/);
  });

  test("at the end of a trace counts as well", () => {
    const session = classify((builder) => {
      push(builder, ["out", 0x3fb, 0x03]);
      builder.gap(0, "cut off");
    });
    expect(session.slot("com1", "LCR")).toBe("unknown: not observed: cut off");
  });
});

describe("a string instruction", () => {
  test("reaches a register with every element of its payload, in order", () => {
    const session = classify((builder) => {
      push(builder, ["out", 0x43, 0x34]);
      builder.pushString(0, 0x40, "out", 8, 3, 0x11, Uint8Array.of(0x11, 0x22, 0x33));
    });
    expect(session.registers[1]).toBe("pit.COUNT0_LOW+pit.COUNT0_HIGH");
    expect(session.slot("pit", "COUNT0")).toEqual(["COUNT0_LOW=11", "COUNT0_HIGH=22", "|COUNT0_LOW=33"]);
  });

  test.each([
    [2, "low"],
    [3, "high"],
    [65_536, "low"],
  ])("of %i elements without payload moves a flip-flop as often, and loses the values", (count, next) => {
    const session = classify((builder) => {
      push(builder, ["out", 0x43, 0x34]);
      builder.pushString(0, 0x40, "out", 8, count, 0x11, undefined);
    });
    expect(session.selector("pit", "byte0")).toBe(next);
    expect(session.slot("pit", "COUNT0")).toMatch(/^unknown: the value of access 1 was not observed/);
  });

  test("without payload, longer than is followed, makes the device unknown", () => {
    const session = classify((builder) => {
      push(builder, ["out", 0x43, 0x34]);
      builder.pushString(0, 0x40, "out", 8, 1_000_000_001, 0x11, undefined);
    });
    expect(session.selector("pit", "byte0")).toBe("unknown");
    expect(session.slot("pit", "CONTROL1")).toMatch(/^unknown: a string instruction of 1000000001 elements/);
  });

  test("without payload that moves no selector costs no more than one", () => {
    const session = classify((builder) => {
      push(builder, ["out", 0x3fb, 0x03]);
      builder.pushString(0, 0x3f8, "out", 8, 1_000_000_000, 0x41, undefined);
    });
    expect(session.rows[1]).toEqual({
      register: "com1.THR",
      verdict: "transfer",
      criteria: ["port", "direction", "state"],
    });
    expect(session.slot("com1", "LCR")).toBe(0x03);
  });

  test("without payload leaves unknown what it may have broken off", () => {
    const half = outs(0x3f5, 0x03, 0xdf);
    const session = classify((builder) => {
      for (const row of half) push(builder, row);
      builder.pushString(0, 0x3f2, "out", 8, 2, 0x1c, undefined);
    });
    expect(classify(half).slot("fdc1", "SPECIFY")).toEqual(["|SPECIFY_TIMES=df"]);
    expect(session.slot("fdc1", "SPECIFY")).toBe("unknown: access 2 may have broken it off");
  });

  test("reads as often as it says", () => {
    const session = classify((builder) => {
      push(builder, ["out", 0x20, 0x0c]);
      builder.pushString(0, 0x20, "in", 8, 2, 0x80, Uint8Array.of(0x80, 0x00));
    });
    expect(session.registers[1]).toBe("pic1.POLL+pic1.IRR");
  });
});

describe("a wide access to 8-bit ports", () => {
  test("is its bytes, low first", () => {
    const session = classify([["out", 0x3c4, 0x0f02, 16]]);
    expect(session.registers).toEqual(["vga.SEQ_INDEX+vga.SR02"]);
    expect(session.slot("vga", "SR02")).toBe(0x0f);
  });

  test("of 32 bits is four bytes", () => {
    const session = classify([["out", 0x3f8, 0x03_c7_05_41, 32]]);
    expect(session.registers).toEqual(["com1.THR+com1.IER+com1.FCR+com1.LCR"]);
    expect([session.slot("com1", "IER"), session.slot("com1", "LCR")]).toEqual([0x05, 0x03]);
  });

  test("sees the selectors as its own lower bytes left them", () => {
    const session = classify([
      ["out", 0x70, 0x260a, 16],
      ["out", 0x70, 0x020b, 16],
    ]);
    expect(session.registers).toEqual(["rtc.INDEX+rtc.REG_A", "rtc.INDEX+rtc.REG_B"]);
  });

  test("a read is split as well", () => {
    expect(classify([["in", 0x3fd, 0x0060, 16]]).registers).toEqual(["com1.LSR+com1.MSR"]);
  });

  test("where a port takes the width it stays whole: CF8h as a doubleword, CF9h as a byte", () => {
    const session = classify([["out", 0xcf8, 0x80000000, 32], ...outs(0xcf9, 0x06)]);
    expect(session.registers).toEqual(["pci.CONFADD", "pci.RC"]);
  });
});

describe("reads that change what follows", () => {
  test.each<[string, readonly Row[], string]>([
    [
      "IN 3DAh",
      [...outs(0x3c2, 0x67), ...outs(0x3c0, 0x01), ...ins(0x3da, 0), ...outs(0x3c0, 0x01)],
      "vga.ATTR_ADDRESS",
    ],
    ["a count read by halves", [...outs(0x43, 0x34, 0x00), ...ins(0x40, 0, 0, 0)], "pit.CE0"],
    ["a DMA address read by halves", [...outs(0x0c, 0), ...ins(0x00, 0), ...outs(0x00, 0x12)], "dma1.ADDRESS0_HIGH"],
  ])("%s", (_, rows, last) => {
    expect(classify(rows).registers.at(-1)).toBe(last);
  });
});
