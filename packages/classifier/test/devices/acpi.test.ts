import { expect, test } from "vitest";
import { classify, type Row } from "../support/classify.ts";

const acpi = (rows: readonly Row[]) => classify(rows, { ids: ["acpi", "apm"] });

test("PM1 control comes back without the bits that sleep and release the global lock", () => {
  const seen = acpi([["out", 0x604, 0x1c05, 16]]);
  expect(seen.rows).toMatchObject([{ register: "pm.PM1_CNT", verdict: "state" }]);
  expect(seen.slot("pm", "PM1_CNT")).toBe(0x1c01);
});

test("a write with SLP_EN is a command and leaves what was known", () => {
  const seen = acpi([
    ["out", 0x604, 0x0001, 16],
    ["out", 0x604, 0x3c01, 16],
  ]);
  expect(seen.rows[1]).toMatchObject({ register: "pm.PM1_CNT", verdict: "command" });
  expect(seen.slot("pm", "PM1_CNT")).toBe(0x0001);
});

test("PM1 status is cleared by writing ones, and never replayed", () => {
  const seen = acpi([
    ["out", 0xb000, 0x0100, 16],
    ["out", 0xb002, 0x0120, 16],
  ]);
  expect(seen.rows.map(({ register, verdict }) => [register, verdict])).toEqual([
    ["pm_v86.PM1_STS", "command"],
    ["pm_v86.PM1_EN", "state"],
  ]);
});

test("the SMI command port is never written again; the byte beside it is kept", () => {
  const seen = acpi([
    ["out", 0xb2, 0xf1],
    ["out", 0xb3, 0x01],
  ]);
  expect(seen.rows.map(({ register, verdict }) => [register, verdict])).toEqual([
    ["apm.APMC", "command"],
    ["apm.APMS", "state"],
  ]);
  const { registers } = seen.state("apm").instance.device;
  expect(registers.filter(({ never }) => never !== undefined).map(({ name }) => name)).toEqual(["APMC"]);
});
