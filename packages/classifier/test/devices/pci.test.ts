import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const ADDRESS = 0xcf8;
const DATA = 0xcfc;

const pci = (rows: readonly Row[]) => classify(rows, { ids: ["pci"] });
const select = (address: number): Row => ["out", ADDRESS, address, 32];
/** Key of a byte of a configuration register: bus, device, function, register number and byte lane. */
const key = (address: number, lane = 0) => (address & 0xfffffc) + lane;

describe("CONFADD", () => {
  test("is reached by a dword access only", () => {
    expect(pci([select(0x80000000)]).registers).toEqual(["pci.CONFADD"]);
    expect(pci([["out", 0xcfb, 0x01]]).registers).toEqual(["pci.PASS_3"]);
    expect(pci([["out", 0xcf8, 0x01]]).registers).toEqual(["pci.PASS_0"]);
  });

  test("a byte written to CF9h is the reset control, and no slot holds it", () => {
    const seen = pci([["out", 0xcf9, 0x06]]);
    expect(seen.rows).toMatchObject([{ register: "pci.RC", verdict: "command" }]);
    expect(seen.slot("pci", "CONFADD")).toBe(0);
  });

  test("with bit 31 clear no configuration register is written", () => {
    const seen = pci([select(0x00000810), ["out", DATA, 0xe0000000, 32]]);
    expect(seen.rows[1]).toMatchObject({
      register: "pci.NO_CONFDATA",
      verdict: "command",
      criteria: ["port", "state"],
    });
    expect(seen.slot("pci", "BAR", key(0x810))).toBe("reset");
  });
});

describe("base address registers", () => {
  test("a size probe is not state: what is written after it holds", () => {
    const seen = pci([select(0x80001010), ["out", DATA, 0xffffffff, 32], ["out", DATA, 0xfebf0000, 32]]);
    for (const lane of [0, 1, 2, 3]) expect(seen.slot("pci", "BAR", key(0x1010, lane))).toBe(0xfebf0000);
  });

  test("of two functions are kept apart", () => {
    const seen = pci([select(0x80001010), ["out", DATA, 0xc001, 32], select(0x80001110), ["out", DATA, 0xc101, 32]]);
    expect(seen.slot("pci", "BAR", key(0x1010))).toBe(0xc001);
    expect(seen.slot("pci", "BAR", key(0x1110))).toBe(0xc101);
  });
});

describe("Command and Status", () => {
  test("a word at CFCh fills Command", () => {
    const seen = pci([select(0x80001004), ["out", DATA, 0x0107, 16]]);
    expect(seen.registers[1]).toBe("pci.COMMAND");
    expect(seen.slot("pci", "COMMAND", key(0x1004))).toBe(0x0107);
  });

  test("a dword over both keeps Command and never writes a 1 to Status", () => {
    const seen = pci([select(0x80001004), ["out", DATA, 0xf9000107, 32]]);
    expect(seen.slot("pci", "COMMAND", key(0x1004, 1))).toBe(0x0107);
    expect(seen.slot("pci", "COMMAND", key(0x1004, 2))).toBe("reset");
  });

  test("a write to Status alone is a command", () => {
    const seen = pci([select(0x80001004), ["out", 0xcfe, 0xf900, 16], ["out", 0xcff, 0xf9]]);
    expect(seen.rows.slice(1)).toMatchObject([
      { register: "pci.STATUS", verdict: "command" },
      { register: "pci.STATUS_3", verdict: "command" },
    ]);
  });

  test("comes after every base address, and the address after everything", () => {
    const ranks = pci([])
      .state("pci")
      .instance.device.slots.map(({ name, rank }) => [name, rank] as const);
    const rank = new Map(ranks);
    expect(rank.get("COMMAND")).toBeGreaterThan(rank.get("BAR") ?? Infinity);
    expect(rank.get("COMMAND")).toBeGreaterThan(rank.get("CONFIG") ?? Infinity);
    expect(rank.get("CONFADD")).toBeGreaterThan(rank.get("COMMAND") ?? Infinity);
  });
});

describe("byte lanes", () => {
  test("a byte at CFDh supersedes its byte of an earlier dword only", () => {
    const seen = pci([select(0x80000860), ["out", DATA, 0x80808080, 32], ["out", 0xcfd, 0x0a]]);
    expect(seen.registers[2]).toBe("pci.CONFDATA_1");
    expect([0, 1, 2, 3].map((lane) => seen.slot("pci", "CONFIG", key(0x860, lane)))).toEqual([
      0x80808080, 0x0a, 0x80808080, 0x80808080,
    ]);
  });

  test("a word at CFEh is lanes 2 and 3", () => {
    const seen = pci([select(0x8000f040), ["out", 0xcfe, 0x8000, 16]]);
    expect([1, 2, 3].map((lane) => seen.slot("pci", "CONFIG", key(0xf040, lane)))).toEqual(["reset", 0x8000, 0x8000]);
  });

  test("the BIST byte is never kept", () => {
    const seen = pci([select(0x8000100c), ["out", DATA, 0x40002010, 32], ["out", 0xcff, 0x40]]);
    expect(seen.slot("pci", "CONFIG", key(0x100c))).toBe(0x002010);
    expect(seen.slot("pci", "CONFIG", key(0x100c, 3))).toBe("reset");
    expect(seen.rows[2]).toMatchObject({ register: "pci.BIST", verdict: "command" });
  });
});

test("before CONFADD was written in a late trace, a data write leaves its registers unknown", () => {
  const seen = classify(outs(0xcfc, 0x12), { ids: ["pci"], fromReset: false });
  expect(seen.rows[0]?.register).toContain("pci.COMMAND|");
  expect(seen.slot("pci", "BAR", key(0x1010))).toMatch(/^unknown/);
});
