import { describe, expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[], fromReset = true) => classifyAll(rows, { ids: ["mc146818"], fromReset });
/** Writes `value` to CMOS address `index`. */
const cmos = (index: number, value: number): Row[] => [...outs(0x70, index), ...outs(0x71, value)];

test("the index decides which register the data port reaches", () => {
  const names = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0e, 0x32, 0x7f];
  const { registers, rows } = classify(names.flatMap((index) => cmos(index, 0)));
  expect(registers.filter((_, i) => i % 2 === 1).map((name) => name.replace("rtc.", ""))).toEqual([
    "SECONDS",
    "SECONDS_ALARM",
    "MINUTES",
    "MINUTES_ALARM",
    "HOURS",
    "HOURS_ALARM",
    "DAY_OF_WEEK",
    "DATE_OF_MONTH",
    "MONTH",
    "YEAR",
    "REG_A",
    "REG_B",
    "RAM",
    "CENTURY",
    "RAM",
  ]);
  expect(rows[1]?.criteria).toContain("state");
});

test("bit 7 of the index port is the NMI mask, not part of the index", () => {
  const { registers, slot, selector } = classify(cmos(0x8a, 0x26));
  expect(registers[1]).toBe("rtc.REG_A");
  expect(selector("rtc", "index")).toBe(0x0a);
  expect(slot("rtc", "INDEX")).toBe(0x8a);
});

describe("what comes back", () => {
  test("CMOS RAM is kept for each address", () => {
    const { slot } = classify([...cmos(0x10, 1), ...cmos(0x7f, 2), ...cmos(0x10, 3)]);
    expect([slot("rtc", "RAM", 0x10), slot("rtc", "RAM", 0x7f), slot("rtc", "RAM", 0x11)]).toEqual([3, 2, "reset"]);
  });

  test("the time does not: the target's clock keeps it", () => {
    const { state } = classify([...cmos(0x00, 0x59), ...cmos(0x32, 0x20)]);
    const { slots } = state("rtc").instance.device;
    const filled = slots.filter((slot) => [...state("rtc").slots.keys(slot)].length > 0);
    expect(filled.map(({ name, never }) => [name, never])).toEqual([
      ["TIME", "the target's clock keeps the time itself"],
    ]);
  });

  test("the update-in-progress bit of register A is not written back", () => {
    expect(classify(cmos(0x0a, 0xa6)).slot("rtc", "REG_A")).toBe(0x26);
  });

  test("register B comes back with SET, as the guest left it", () => {
    expect(classify(cmos(0x0b, 0x82)).slot("rtc", "REG_B")).toBe(0x82);
  });

  test("alarms, A, B and RAM are learned from reads, time and flags are not", () => {
    const read = (index: number) => [...outs(0x70, index), ...ins(0x71, 0x42)];
    const rows = [0x01, 0x0a, 0x0b, 0x0c, 0x0f, 0x00].flatMap(read);
    const { slot } = classify(rows, false);
    expect(slot("rtc", "SECONDS_ALARM")).toBe(0x42);
    expect(slot("rtc", "REG_A")).toBe(0x42);
    expect(slot("rtc", "REG_B")).toBe(0x42);
    expect(slot("rtc", "RAM", 0x0f)).toBe(0x42);
    expect(slot("rtc", "TIME", 0x00)).toMatch(/^unknown/);
  });
});

test("registers C and D take no writes", () => {
  const { rows } = classify([...cmos(0x0c, 0xff), ...cmos(0x0d, 0xff)]);
  expect([rows[1], rows[3]].map((row) => row?.verdict)).toEqual(["command", "command"]);
});

test("a 16-bit write to port 70h is index and data", () => {
  const { registers, slot } = classify([["out", 0x70, 0x5511, 16]]);
  expect(registers).toEqual(["rtc.INDEX+rtc.RAM"]);
  expect(slot("rtc", "RAM", 0x11)).toBe(0x55);
});

test("without the index, data may be any register, and the slots are unknown until it is written", () => {
  const { rows, slot } = classify([...outs(0x71, 1), ...cmos(0x0a, 0x26)], false);
  expect(rows[0]?.register.split("|").length).toBeGreaterThan(10);
  expect(slot("rtc", "REG_A")).toBe(0x26);
  expect(slot("rtc", "REG_B")).toMatch(/^unknown/);
});

test("the rate comes back before what it interrupts at is enabled, and the index last of all", () => {
  const { slots } = classify([]).state("rtc").instance.device;
  const rank = (name: string) => slots.find((slot) => slot.name === name)?.rank ?? NaN;
  expect(rank("REG_B")).toBeGreaterThan(rank("REG_A"));
  expect(rank("INDEX")).toBeGreaterThan(
    Math.max(...slots.filter(({ name }) => name !== "INDEX").map((slot) => slot.rank)),
  );
});

test("UIE: the SET bit going high clears it", () => {
  expect(classify(cmos(0x0b, 0x92)).slot("rtc", "REG_B")).toBe(0x82);
  expect(classify(cmos(0x0b, 0x12)).slot("rtc", "REG_B")).toBe(0x12);
});
