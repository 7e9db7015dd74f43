import { expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[], fromReset = true) => classifyAll(rows, { ids: ["port61"], fromReset });

test("bits 3-0 come back, the status bits above do not", () => {
  expect(classify(outs(0x61, 0xb3)).slot("port61", "NMI_SC")).toBe(0x03);
});

test("a read shows the bits that were written, and they are compared alone", () => {
  const { slot, state } = classify(ins(0x61, 0x31), false);
  expect(slot("port61", "NMI_SC")).toBe(0x01);
  expect(state("port61").instance.device.slots[0]?.compare).toBe(0x0f);
});
