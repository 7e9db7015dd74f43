import { expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[], fromReset = true) =>
  classifyAll(rows, { ids: ["dma-page", "debug"], fromReset });

test("the pages stand where the IBM PC AT has them", () => {
  const rows = [0x87, 0x83, 0x81, 0x82, 0x8b, 0x89, 0x8a, 0x8f].flatMap((port) => outs(port, 1));
  expect(classify(rows).registers.map((name) => name.replace("dma_page.", ""))).toEqual([
    "PAGE0",
    "PAGE1",
    "PAGE2",
    "PAGE3",
    "PAGE5",
    "PAGE6",
    "PAGE7",
    "REFRESH",
  ]);
});

test("bits 31-24 stand 400h above", () => {
  const { registers, slot } = classify([...outs(0x81, 0x12), ...outs(0x481, 0x34)]);
  expect(registers).toEqual(["dma_page.PAGE2", "dma_high_page.PAGE2"]);
  expect([slot("dma_page", "PAGE2"), slot("dma_high_page", "PAGE2")]).toEqual([0x12, 0x34]);
});

test("what a page register reads as is what it holds", () => {
  expect(classify(ins(0x83, 0x0e), false).slot("dma_page", "PAGE1")).toBe(0x0e);
});

test("port 80h is not a page register", () => {
  expect(classify(outs(0x80, 0x55)).registers).toEqual(["debug.POST"]);
});
