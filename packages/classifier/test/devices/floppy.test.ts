import { expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const fdc = (rows: readonly Row[]) => classify(rows, { ids: ["floppy"] });

test("3F7h is DIR when read and CCR when written, 3F4h MSR and DSR", () => {
  const rows: Row[] = [
    ["in", 0x3f7, 0x80],
    ["out", 0x3f7, 0x01],
    ["in", 0x3f4, 0x80],
    ["out", 0x3f4, 0x02],
  ];
  const seen = fdc(rows);
  expect(seen.registers).toEqual(["fdc1.DIR", "fdc1.CCR", "fdc1.MSR", "fdc1.DSR"]);
  expect(seen.rows[1]?.criteria).toEqual(["port", "direction"]);
  expect([seen.slot("fdc1", "CCR"), seen.slot("fdc1", "DSR")]).toEqual([0x01, 0x02]);
});

test("the software reset of DSR is left out", () => {
  expect(fdc(outs(0x3f4, 0x82)).slot("fdc1", "DSR")).toBe(0x02);
});

test("the last DOR holds, out of reset with the motor as it was", () => {
  expect(fdc(outs(0x3f2, 0x00, 0x1c)).slot("fdc1", "DOR")).toBe(0x1c);
});

test("bytes of the FIFO may never be replayed", () => {
  const seen = fdc(outs(0x3f5, 0x4d, 0x00));
  expect(seen.rows.map(({ verdict }) => verdict)).toEqual(["transfer", "transfer"]);
  const fifo = seen.state("fdc1").instance.device.registers.find(({ name }) => name === "FIFO");
  expect(fifo?.never).toContain("format");
});
