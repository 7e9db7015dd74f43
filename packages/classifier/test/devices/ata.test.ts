import { expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const ata = (rows: readonly Row[], ids = ["ata"]) => classify(rows, { ids });
const parameters: Row[] = [0x01, 0x08, 0x10, 0x20, 0x30, 0xe0].flatMap((value, i) => outs(0x1f1 + i, value));

test("1F7h is Command when written and Status when read", () => {
  const seen = ata([
    ["out", 0x1f7, 0xec],
    ["in", 0x1f7, 0x50],
  ]);
  expect(seen.rows).toMatchObject([
    { register: "ata1.COMMAND", verdict: "command", criteria: ["port", "direction"] },
    { register: "ata1.STATUS", verdict: "read" },
  ]);
});

test("parameters are kept until the command takes them, the device after it too", () => {
  const names = ["FEATURES", "SECTOR_COUNT", "LBA_LOW", "LBA_MID", "LBA_HIGH", "DEVICE"];
  const before = ata(parameters);
  expect(names.map((name) => before.slot("ata1", name))).toEqual([0x01, 0x08, 0x10, 0x20, 0x30, 0xe0]);
  const after = ata([...parameters, ["out", 0x1f7, 0x20]]);
  expect(names.map((name) => after.slot("ata1", name))).toEqual(["none", "none", "none", "none", "none", 0xe0]);
});

test("neither a command nor data may be replayed", () => {
  const { registers } = ata([]).state("ata1").instance.device;
  const never = registers.filter((register) => register.never !== undefined).map(({ name }) => name);
  expect(never).toEqual(["DATA", "COMMAND"]);
  expect(
    ata([
      ["out", 0x1f0, 0x1234, 16],
      ["in", 0x170, 0x5678, 32],
    ]).rows,
  ).toMatchObject([
    { register: "ata1.DATA", verdict: "transfer" },
    { register: "ata2.DATA", verdict: "transfer" },
  ]);
});

test("of Device Control the soft reset is left out, and what it clears is gone", () => {
  const seen = ata([...parameters, ["out", 0x3f6, 0x0e]]);
  expect(seen.slot("ata1", "DEVICE_CONTROL")).toBe(0x0a);
  expect([seen.slot("ata1", "DEVICE"), seen.slot("ata1", "LBA_LOW")]).toEqual([0, "none"]);
});

test("3F6h is the disk's, though it lies among the floppy controller's ports", () => {
  expect(
    ata(
      [
        ["out", 0x3f6, 0x02],
        ["out", 0x376, 0x02],
      ],
      ["ata", "floppy"],
    ).registers,
  ).toEqual(["ata1.DEVICE_CONTROL", "ata2.DEVICE_CONTROL"]);
});

test("each parameter is two bytes deep, as 48-bit commands load it", () => {
  const writes: Row[] = [0x55, 0xaa, 0x01, 0x00].flatMap((value) => outs(0x1f2, value));
  expect(ata(writes).slot("ata1", "SECTOR_COUNT")).toEqual(["SECTOR_COUNT=01", "SECTOR_COUNT=00"]);
  expect(ata(outs(0x1f2, 0x55)).slot("ata1", "SECTOR_COUNT")).toBe(0x55);
});
