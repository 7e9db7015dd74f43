import { expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[]) => classifyAll(rows, { ids: ["fw-cfg"] });

test("a 16-bit write selects an item, byte reads transfer it", () => {
  const { rows, slot } = classify([["out", 0x510, 0x0019, 16], ...ins(0x511, 0x51)]);
  expect(rows.map(({ register, verdict }) => [register, verdict])).toEqual([
    ["fw_cfg.SELECTOR", "state"],
    ["fw_cfg.DATA", "transfer"],
  ]);
  expect(slot("fw_cfg", "SELECTOR")).toBe(0x19);
});

test("a byte write selects nothing", () => {
  const { registers, slot } = classify([["out", 0x510, 0x0019, 16], ...outs(0x510, 0x05)]);
  expect(registers[1]).toBe("-");
  expect(slot("fw_cfg", "SELECTOR")).toBe(0x19);
});

test("no plan repeats the write that starts a DMA operation", () => {
  const { rows, state } = classify([
    ["out", 0x514, 0, 32],
    ["out", 0x518, 0x00100000, 32],
  ]);
  expect(rows.map(({ verdict }) => verdict)).toEqual(["command", "transfer"]);
  const low = state("fw_cfg").instance.device.registers.find(({ name }) => name === "DMA_LOW");
  expect(low?.never).toBe("it makes the machine write to memory");
});

test("after a DMA operation, whose command in memory may select another item, no selection comes back", () => {
  const dma: Row[] = [
    ["out", 0x510, 0x0019, 16],
    ["out", 0x518, 0x00100000, 32],
  ];
  expect(classify(dma).slot("fw_cfg", "SELECTOR")).toBe("none");
  expect(classify([...dma, ["out", 0x510, 0x0005, 16]]).slot("fw_cfg", "SELECTOR")).toBe(0x05);
});
