import { expect, test } from "vitest";
import { classify, type Row } from "../support/classify.ts";
import { configRead, configWrite } from "../support/pci.ts";

/** What SeaBIOS does to the PIIX4, device 1 function 3: PMBA, PMREGMISC. */
const firmware: Row[] = [
  ...configRead(1, 0x00, 0x71138086, 32, 3),
  ...configWrite(1, 0x40, 0x0601, 32, 3),
  ...configWrite(1, 0x80, 0x01, 8, 3),
];
const acpi = (rows: readonly Row[], before = firmware) => {
  const seen = classify([...before, ...rows], { ids: ["acpi", "apm", "pci"] });
  return { ...seen, rows: seen.rows.slice(before.length) };
};

test("the PIIX4's registers are where PMBA says, while PMREGMISC decodes them", () => {
  const control: Row = ["out", 0x604, 0x0001, 16];
  expect(acpi([control]).rows[0]?.register).toBe("pm.PM1_CNT");
  expect(acpi([control], []).rows[0]?.register).toBe("-");
  expect(acpi([control], firmware.slice(0, 4)).rows[0]?.register).toBe("-");
  const moved: Row[] = [...configWrite(1, 0x40, 0x4041, 32, 3), ["out", 0x4044, 0x0001, 16], control];
  expect(
    acpi(moved)
      .rows.slice(-2)
      .map(({ register }) => register),
  ).toEqual(["pm.PM1_CNT", "-"]);
});

test("the ICH9's registers are where its LPC bridge's PMBASE says, while ACPI_CNTL decodes them", () => {
  const ich9 = [
    ...configRead(31, 0x00, 0x29188086),
    ...configWrite(31, 0x40, 0x0601),
    ...configWrite(31, 0x44, 0x80, 8),
  ];
  expect(acpi([["out", 0x604, 0x0001, 16]], ich9).rows[0]?.register).toBe("pm_ich9.PM1_CNT");
});

test("PM1 control comes back without the bits that sleep and release the global lock", () => {
  const seen = acpi([["out", 0x604, 0x1c05, 16]]);
  expect(seen.rows).toMatchObject([{ register: "pm.PM1_CNT", verdict: "state" }]);
  expect(seen.slot("pm", "PM1_CNT")).toBe(0x1c01);
});

test("of a write that sleeps the type is kept", () => {
  expect(acpi([["out", 0x604, 0x3401, 16]]).slot("pm", "PM1_CNT")).toBe(0x1401);
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
