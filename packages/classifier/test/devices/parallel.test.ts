import { expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const lpt = (rows: readonly Row[]) => classify(rows, { ids: ["parallel"] });

test("the strobe is left out of the control lines", () => {
  expect(lpt(outs(0x37a, 0x0d)).slot("lpt1", "CONTROL")).toBe(0x0c);
});

test("data lines hold the last byte, Status only reads", () => {
  const seen = lpt([...outs(0x378, 0x55, 0xaa), ["in", 0x379, 0xdf], ["out", 0x379, 0x00]]);
  expect(seen.slot("lpt1", "DATA")).toBe(0xaa);
  expect(seen.rows.slice(2)).toMatchObject([{ register: "lpt1.STATUS", verdict: "read" }, { verdict: "unknown" }]);
});

test("the extended mode comes back without DMA and without its service interrupt", () => {
  expect(lpt(outs(0x77a, 0x78)).slot("lpt1", "ECR")).toBe(0x74);
});

test("EPP and FIFO bytes are data on the cable", () => {
  const rows: Row[] = [
    ["out", 0x37b, 0x01],
    ["out", 0x37c, 0x01020304, 32],
    ["out", 0x77a, 0x40],
    ["out", 0x778, 0x41],
  ];
  expect(lpt(rows).rows.map(({ register, verdict }) => [register, verdict])).toEqual([
    ["lpt1.EPP_ADDRESS", "transfer"],
    ["lpt1.EPP_DATA", "transfer"],
    ["lpt1.ECR", "state"],
    ["lpt1.FIFO", "transfer"],
  ]);
});

test.each([
  [0x15, "DATA", "RESERVED", "RESERVED_B"],
  [0x35, "DATA", "RESERVED", "RESERVED_B"],
  [0x55, "ECP_ADDRESS", "FIFO", "RESERVED_B"],
  [0x75, "ECP_ADDRESS", "FIFO", "RESERVED_B"],
  [0x95, "DATA", "RESERVED", "RESERVED_B"],
  [0xd5, "ECP_ADDRESS", "TEST_FIFO", "RESERVED_B"],
  [0xf5, "ECP_ADDRESS", "CONFIG_A", "CONFIG_B"],
])("ECR %i decides what 378h, 778h and 779h are", (ecr, data, fifo, config) => {
  const { registers, rows } = lpt([...outs(0x77a, ecr), ...outs(0x378, 0), ...outs(0x778, 0), ...outs(0x779, 0)]);
  expect(registers.slice(1)).toEqual([data, fifo, config].map((name) => `lpt1.${name}`));
  expect(rows.slice(1).map(({ criteria }) => criteria.includes("state"))).toEqual([true, true, true]);
});

test("the data port reads as what is written, or with DIRECTION set as what the printer drives", () => {
  const rows: Row[] = [...outs(0x37a, 0x20), ["in", 0x378, 0x41], ...outs(0x37a, 0x00), ["in", 0x378, 0x00]];
  expect(lpt(rows).registers).toEqual(["lpt1.CONTROL", "lpt1.DATA_IN", "lpt1.CONTROL", "lpt1.DATA"]);
});
