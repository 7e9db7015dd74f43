import { describe, expect, test } from "vitest";
import { classify, ins, outs, type Row } from "../support/classify.ts";
import { configRead, placed } from "../support/pci.ts";

/** PIIX3 IDE, device 1 function 1: class code 010180h, bus-master registers at C040h by BAR 4. */
const firmware: Row[] = [...configRead(1, 0x08, 0x01018000, 32, 1), ...placed(1, 0x70108086, 4, 0xc040, 1)];
const bmide = (rows: readonly Row[]) => {
  const seen = classify([...firmware, ...rows], { ids: ["bus-master-ide", "pci"] });
  return { ...seen, rows: seen.rows.slice(firmware.length) };
};

test("each channel has eight ports", () => {
  const seen = bmide([...outs(0xc040, 8), ...ins(0xc042, 0), ...outs(0xc048, 8), ...ins(0xc04a, 0)]);
  expect(seen.rows.map(({ register }) => register)).toEqual([
    "bmide1.BMICX",
    "bmide1.BMISX",
    "bmide2.BMICX",
    "bmide2.BMISX",
  ]);
});

describe("the command register", () => {
  test("keeps the direction and never the bit that starts a transfer", () => {
    expect(bmide(outs(0xc040, 0x09)).slot("bmide1", "BMICX")).toBe(0x08);
    expect(bmide(outs(0xc040, 0x09, 0x00)).slot("bmide1", "BMICX")).toBe(0x00);
  });
});

describe("the status register", () => {
  test("keeps which drives can do DMA, and clears the events that bringing a drive back makes", () => {
    expect(bmide(outs(0xc042, 0x61)).slot("bmide1", "BMISX")).toBe(0x66);
  });
});

describe("the descriptor table pointer", () => {
  /** What is held of each byte: of a dword the byte in its place, of a byte itself. */
  const pointer = (rows: readonly Row[]) => {
    const { slot } = bmide(rows);
    return [0, 1, 2, 3].map((b) => slot("bmide1", `BMIDTPX_${b}`));
  };

  test("is aligned to a dword", () => {
    expect(pointer([["out", 0xc044, 0xfedcba9b, 32]])).toEqual([0x98, 0xba00, 0xdc0000, 0xfe000000]);
  });

  test("may be written by words and bytes", () => {
    const dword: Row = ["out", 0xc044, 0x11223344, 32];
    expect(pointer([dword, ["out", 0xc046, 0xaabb, 16]])).toEqual([0x44, 0x3300, 0xbb, 0xaa]);
    expect(pointer([dword, ["out", 0xc045, 0xcc]])).toEqual([0x44, 0xcc, 0x220000, 0x11000000]);
  });
});

test("is not there where the class code says that the controller does not master the bus", () => {
  const rows: Row[] = [...configRead(1, 0x08, 0x01010000, 32, 1), ...placed(1, 0x70108086, 4, 0xc040, 1)];
  expect(classify([...rows, ["out", 0xc040, 8]], { ids: ["bus-master-ide", "pci"] }).registers.at(-1)).toBe("-");
});
