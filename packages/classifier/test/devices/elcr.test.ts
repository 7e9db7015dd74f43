import { expect, test } from "vitest";
import { classify, outs } from "../support/classify.ts";

test("each controller has its register; the lines that are always edge triggered stay 0", () => {
  const { registers, slot } = classify([...outs(0x4d0, 0xff), ...outs(0x4d1, 0xff)], { ids: ["elcr"] });
  expect(registers).toEqual(["elcr.ELCR1", "elcr.ELCR2"]);
  expect(slot("elcr", "ELCR1")).toBe(0xf8);
  expect(slot("elcr", "ELCR2")).toBe(0xde);
});
