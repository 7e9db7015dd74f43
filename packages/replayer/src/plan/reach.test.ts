import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import { expect, test } from "vitest";
import { classifierOf } from "../../test/support/classifier-of.ts";
import { makePlan } from "./make-plan.ts";

const library = loadLibrary(
  builtinDescriptions().filter(({ file }) => ["vga.yaml", "pci.yaml"].includes(file)),
  { aliases: false },
);

/** Port and value of the writes in a plan for a guest that made these writes after reset. */
function planned(rows: readonly (readonly [port: number, value: number, width?: 32])[]): (readonly number[])[] {
  const classifier = classifierOf(
    library,
    rows.map((row) => ["out", ...row]),
  );
  return makePlan(classifier).steps.flatMap((step) => (step.op === "out" ? [[step.port, step.value]] : []));
}

test("an index is reached at the ports that another selector moved it to", () => {
  const index = (misc: number, base: number) =>
    planned([
      [0x3c2, misc],
      [base, 0x0e],
      [base + 1, 0x07],
    ]).filter(([port]) => port === 0x3b4 || port === 0x3d4);
  expect(index(0x67, 0x3d4)[0]).toEqual([0x3d4, 0x0e]);
  expect(index(0x66, 0x3b4)[0]).toEqual([0x3b4, 0x0e]);
});

test("protected registers are unprotected first, and protected again after them", () => {
  const writes = planned([
    [0x3c2, 0x67],
    [0x3d4, 0x00],
    [0x3d5, 0x5f],
    [0x3d4, 0x11],
    [0x3d5, 0x8e],
  ]).filter(([port]) => port === 0x3d5);
  expect(writes).toEqual([
    [0x3d5, 0x0e],
    [0x3d5, 0x5f],
    [0x3d5, 0x8e],
  ]);
});

test("a configuration register is addressed once, and Command comes after the base addresses", () => {
  expect(
    planned([
      [0xcf8, 0x80001004, 32],
      [0xcfc, 0x00000107, 32],
      [0xcf8, 0x80001010, 32],
      [0xcfc, 0xffffffff, 32],
      [0xcfc, 0xfebf0000, 32],
    ]),
  ).toEqual([
    [0xcf8, 0x80001010],
    [0xcfc, 0xfebf0000],
    [0xcf8, 0x80001004],
    [0xcfc, 0x00000107],
    [0xcf8, 0x80001010],
  ]);
});
