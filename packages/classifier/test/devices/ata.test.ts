import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const ata = (rows: readonly Row[], ids = ["ata"]) => classify(rows, { ids });
const parameters: Row[] = [0x01, 0x08, 0x10, 0x20, 0x30, 0xe0].flatMap((value, i) => outs(0x1f1 + i, value));
/** Writes a command with Features, Sector Count and Device. */
const command = (value: number, features: number, count: number, device = 0xa0): Row[] => [
  ...outs(0x1f6, device),
  ...outs(0x1f1, features),
  ...outs(0x1f2, count),
  ...outs(0x1f7, value),
];
/** Key of SET_FEATURES. */
const featureKey = (device: number, feature: number, kind: number) => (device * 256 + feature) * 32 + kind;

describe("the command block", () => {
  test("1F7h is Command when written and Status when read", () => {
    const seen = ata([
      ["out", 0x1f7, 0x20],
      ["in", 0x1f7, 0x50],
    ]);
    expect(seen.rows).toMatchObject([
      { register: "ata1.COMMAND", verdict: "command", criteria: ["port", "direction", "data"] },
      { register: "ata1.STATUS", verdict: "read" },
    ]);
  });

  test("1F1h is Features when written and Error when read", () => {
    const seen = ata([
      ["out", 0x1f1, 0x03],
      ["in", 0x1f1, 0x04],
    ]);
    expect(seen.registers).toEqual(["ata1.FEATURES", "ata1.ERROR"]);
    expect(seen.slot("ata1", "FEATURES")).toEqual(["FEATURES=00", "FEATURES=03"]);
  });

  test("parameters are kept until the command takes them, the device and Features after it too", () => {
    const names = ["SECTOR_COUNT", "LBA_LOW", "LBA_MID", "LBA_HIGH", "DEVICE"];
    const before = ata(parameters);
    const counts = [
      ["SECTOR_COUNT=01", "SECTOR_COUNT=08"],
      ["LBA_LOW=01", "LBA_LOW=10"],
    ];
    expect(names.map((name) => before.slot("ata1", name))).toEqual([...counts, 0x20, 0x30, 0xe0]);
    const after = ata([...parameters, ["out", 0x1f7, 0x20]]);
    expect(names.map((name) => after.slot("ata1", name))).toEqual(["none", "none", "none", "none", 0xe0]);
    expect(after.slot("ata1", "FEATURES")).toEqual(["FEATURES=00", "FEATURES=01"]);
  });

  test("each parameter is two bytes deep, as 48-bit commands load it", () => {
    const writes: Row[] = [0x55, 0xaa, 0x01, 0x00].flatMap((value) => outs(0x1f2, value));
    expect(ata(writes).slot("ata1", "SECTOR_COUNT")).toEqual(["SECTOR_COUNT=01", "SECTOR_COUNT=00"]);
    expect(ata(outs(0x1f4, 0x55)).slot("ata1", "LBA_MID")).toBe(0x55);
  });
});

describe("the HOB bit", () => {
  const reads: Row[] = [0x1f2, 0x1f3, 0x1f4, 0x1f5].map((port) => ["in", port, 0]);

  test("set to one: reads of Sector Count and LBA give what was written before the last", () => {
    const { registers } = ata([...outs(0x3f6, 0x88), ...reads]);
    expect(registers.slice(1)).toEqual(
      ["SECTOR_COUNT", "LBA_LOW", "LBA_MID", "LBA_HIGH"].map((name) => `ata1.${name}_HOB`),
    );
  });

  test.each([0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5, 0x1f6, 0x1f7])("is cleared by a write to %s", (port) => {
    const { rows, selector } = ata([...outs(0x3f6, 0x88), ["out", port, 0x10], ...reads]);
    expect(rows[2]?.register).toBe("ata1.SECTOR_COUNT");
    expect(selector("ata1", "hob")).toBe(0);
  });
});

describe("a command that sets what outlives it", () => {
  test("is kept with the parameters it takes", () => {
    const seen = ata([
      ...command(0xef, 0x03, 0x42, 0xe0),
      ...command(0xc6, 0x00, 0x10),
      ...command(0x91, 0x00, 0x3f, 0xaf),
    ]);
    expect(seen.slot("ata1", "SET_FEATURES", featureKey(0, 0x03, 0x08))).toEqual([
      "DEVICE=e0",
      "FEATURES=03",
      "SECTOR_COUNT=42",
      "SET_FEATURES=ef",
    ]);
    expect(seen.slot("ata1", "SET_MULTIPLE")).toEqual(["DEVICE=a0", "SECTOR_COUNT=10", "SET_MULTIPLE=c6"]);
    expect(seen.slot("ata1", "INITIALIZE_PARAMETERS")).toEqual([
      "DEVICE=af",
      "SECTOR_COUNT=3f",
      "INITIALIZE_PARAMETERS=91",
    ]);
    expect(seen.rows[3]).toMatchObject({ register: "ata1.SET_FEATURES", verdict: "state" });
  });

  test("is the selected device's: each has its own", () => {
    const seen = ata([...command(0xc6, 0, 0x10, 0xa0), ...command(0xc6, 0, 0x08, 0xb0)]);
    expect(seen.slot("ata1", "SET_MULTIPLE", 0)).toContain("SECTOR_COUNT=10");
    expect(seen.slot("ata1", "SET_MULTIPLE", 1)).toContain("SECTOR_COUNT=08");
  });

  test("supersedes the same feature, and of transfer modes the same kind: a PIO mode stands beside an Ultra DMA mode", () => {
    const seen = ata([
      ...command(0xef, 3, 0x0c),
      ...command(0xef, 3, 0x45),
      ...command(0xef, 3, 0x42),
      ...command(0xef, 2, 0),
    ]);
    const slot = (feature: number, kind: number) => seen.slot("ata1", "SET_FEATURES", featureKey(0, feature, kind));
    expect(slot(3, 1)).toContain("SECTOR_COUNT=0c");
    expect(slot(3, 8)).toContain("SECTOR_COUNT=42");
    expect(slot(2, 0)).toContain("FEATURES=02");
  });

  test("is unknown where drives differ in whether they take it, until one is given that they all take", () => {
    const refused = command(0xc6, 0, 0x20);
    const unknown = ata([...command(0xc6, 0, 8), ...refused]);
    expect(unknown.slot("ata1", "SET_MULTIPLE", 0)).toBe(
      "unknown: drives differ in what they make of this number of sectors",
    );
    const known = ata([...refused, ...command(0xc6, 0, 0x10)]);
    expect(known.slot("ata1", "SET_MULTIPLE", 0)).toContain("SECTOR_COUNT=10");
  });

  test("is unknown where a parameter was not written after the command before", () => {
    const seen = ata([...command(0x20, 0, 1), ...outs(0x1f7, 0xc6)]);
    expect(seen.slot("ata1", "SET_MULTIPLE")).toMatch(
      /^unknown: its parameter SECTOR_COUNT was not written since access 3/,
    );
  });
});

test("no other command may be replayed, nor may data", () => {
  const { registers } = ata([]).state("ata1").instance.device;
  const never = registers.filter((register) => register.never !== undefined).map(({ name }) => name);
  expect(never).toEqual(["DATA", "COMMAND"]);
  const all = ata(outs(0x1f7, ...[...Array(256).keys()])).rows;
  const state = [...all.keys()].filter((value) => all[value]?.verdict === "state");
  expect(state).toEqual([0x91, 0xa1, 0xc6, 0xec, 0xef]);
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

test("of Device Control the soft reset is left out; what it clears is gone, and device 0 is selected", () => {
  const seen = ata([...parameters, ...outs(0x1f6, 0xf0), ["out", 0x3f6, 0x0e]]);
  expect(seen.slot("ata1", "DEVICE_CONTROL")).toBe(0x0a);
  expect([seen.slot("ata1", "DEVICE"), seen.slot("ata1", "LBA_LOW")]).toEqual([0, 1]);
  expect(seen.selector("ata1", "dev")).toBe(0);
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
