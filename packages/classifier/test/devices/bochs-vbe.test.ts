import { expect, test } from "vitest";
import { classify, type Row } from "../support/classify.ts";

const put = (index: number, value: number): Row[] => [
  ["out", 0x1ce, index, 16],
  ["out", 0x1cf, value, 16],
];
const vbe = (rows: readonly Row[]) => classify(rows, { ids: ["bochs-vbe"] });

test("the index says which register the data port is", () => {
  const seen = vbe([...put(1, 1024), ...put(2, 768), ...put(3, 32)]);
  expect(seen.registers.filter((_, i) => i % 2 === 1)).toEqual(["vbe.XRES", "vbe.YRES", "vbe.BPP"]);
  expect(["XRES", "YRES", "BPP"].map((name) => seen.slot("vbe", name))).toEqual([1024, 768, 32]);
});

test("a mode that is on comes back without clearing the frame buffer", () => {
  expect(vbe(put(4, 0x41)).slot("vbe", "ENABLE")).toBe(0xc1);
  expect(vbe(put(4, 0x00)).slot("vbe", "ENABLE")).toBe(0x00);
});

test("switching a mode on resets the offsets; writing ENABLE again does not", () => {
  const on = [...put(8, 4), ...put(9, 5), ...put(4, 0x41)];
  expect(vbe(on).slot("vbe", "X_OFFSET")).toBe(0);
  expect(vbe([...on, ...put(9, 5), ...put(4, 0x61)]).slot("vbe", "Y_OFFSET")).toBe(5);
});

test("resolution comes before ENABLE, and offsets after it", () => {
  const rank = new Map(
    vbe([])
      .state("vbe")
      .instance.device.slots.map((slot) => [slot.name, slot.rank]),
  );
  expect(rank.get("ENABLE")).toBeGreaterThan(rank.get("BPP") ?? Infinity);
  expect(rank.get("Y_OFFSET")).toBeGreaterThan(rank.get("ENABLE") ?? Infinity);
});

test("switching a mode off ends the bank, so that no plan sets it behind VGA's back", () => {
  expect(vbe([...put(4, 0x41), ...put(5, 3)]).slot("vbe", "BANK")).toBe(3);
  expect(vbe([...put(4, 0x41), ...put(5, 3), ...put(4, 0x00)]).slot("vbe", "BANK")).toBe("none");
});
