import { describe, expect, test } from "vitest";
import { parseCount, parseSeqRange, parseTime } from "./quantities.ts";

describe("parseTime", () => {
  test.each([
    ["1.5s", 1_500_000_000],
    ["20ms", 20_000_000],
    ["3us", 3_000],
    ["100ns", 100],
    ["7", 7],
  ])("%s is %d ns", (text, ns) => {
    expect(parseTime(text)).toBe(ns);
  });

  test.each(["", "s", "-1s", "1m", "1.s", "1e3"])("refuses %j", (text) => {
    expect(() => parseTime(text)).toThrow(/Expected a time/);
  });
});

describe("parseSeqRange", () => {
  test.each([
    ["3..5", 3, 5],
    ["3..", 3, Infinity],
    ["..5", 0, 5],
    ["4", 4, 4],
  ])("%s", (text, first, last) => {
    expect(parseSeqRange(text)).toEqual({ first, last });
  });

  test.each(["", "..", "5..3", "a..b", "1...2", "-1"])("refuses %j", (text) => {
    expect(() => parseSeqRange(text)).toThrow(/Expected access numbers|before it begins/);
  });
});

test("parseCount refuses what is not a whole number", () => {
  expect(parseCount("12")).toBe(12);
  for (const text of ["", "-1", "1.5", "0x10", "99999999999999999999"])
    expect(() => parseCount(text)).toThrow(/Expected a whole number/);
});
