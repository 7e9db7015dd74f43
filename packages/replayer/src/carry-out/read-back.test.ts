import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import { expect, test } from "vitest";
import { classifierOf, type Row } from "../../test/support/classifier-of.ts";
import { makePlan } from "../plan/make-plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { readSource } from "./read-back.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });
/** Miscellaneous Output: the CRT controller answers at 3D4h. */
const MISC_OUTPUT = 0x67;
const INDEX = 0x3d4;
const DATA = 0x3d5;

/** A display whose CRT controller, at 3D4h, holds in each register what its index and 80h make. */
function display(): PortTarget {
  let index = 0;
  return {
    name: "display",
    perform: (operations) =>
      Promise.resolve(
        operations.map((one) => {
          if (one.direction === "out" && one.port === INDEX) index = one.value;
          return one.port === DATA ? index | 0x80 : MISC_OUTPUT;
        }),
      ),
  };
}

test("registers that changed by themselves come back each with its own value", async () => {
  const written = [0x0a, 0x0e, 0x13].flatMap((index): Row[] => [
    ["out", INDEX, index],
    ["out", DATA, 0x11],
  ]);
  const classifier = classifierOf(library, [["out", 0x3c2, MISC_OUTPUT], ...written]);
  await readSource(classifier, display());
  const broughtBack = makePlan(classifier).steps.flatMap((step) =>
    step.op === "out" && step.why.endsWith("read at the source") ? [[step.register, step.value]] : [],
  );
  expect(broughtBack).toEqual(
    expect.arrayContaining([
      ["CR0A", 0x8a],
      ["CR0E", 0x8e],
      ["CR13", 0x93],
    ]),
  );
});

test("a device that answers every read with ones is not there: nothing is taken from it", async () => {
  const classifier = classifierOf(library, [
    ["out", 0x2fb, 0x03],
    ["out", 0x21, 0xfe],
  ]);
  const nobody: PortTarget = { name: "nobody", perform: (all) => Promise.resolve(all.map(() => 0xff)) };
  await readSource(classifier, nobody);
  const steps = makePlan(classifier).steps;
  expect(steps.filter(({ device, why }) => device === "com2" && why.includes("read at the source"))).toEqual([]);
  // An interrupt mask of all ones is one read, and may well be true.
  expect(steps).toContainEqual(expect.objectContaining({ op: "out", port: 0x21, value: 0xff, device: "pic1" }));
});

test("a register that cannot be reached does not mislead the reads after it", async () => {
  const text = `id: box
title: Box
source: none, made for tests
ports: { INDEX: 0, DATA: 1, MODE: 2 }
instances: { box: { base: 0x300 } }
state:
  index: { bits: 1, reach: [{ do: [{ write: INDEX, put: I }] }] }
  mode: { bits: 1 }
slots: { A: { read: A }, B: { read: B } }
registers:
  INDEX: { at: INDEX, access: WO, verdict: command, fields: { I: 0 }, onWrite: [{ latch: { index: I } }] }
  MODE: { at: MODE, access: WO, verdict: command, fields: { M: 0 }, onWrite: [{ latch: { mode: M } }] }
  A: { at: DATA, access: RW, when: { index: 0, mode: 0 }, fill: A }
  B: { at: DATA, access: RW, when: { index: 0, mode: 1 }, fill: B }
  RESERVED: { at: DATA, access: RW, when: { index: 1 }, verdict: command }
`;
  const own = loadLibrary([{ file: "box.yaml", text }], { aliases: false });
  const classifier = classifierOf(own, [
    ["out", 0x302, 1],
    ["out", 0x301, 0x55],
    ["out", 0x300, 1],
  ]);
  let index = 1;
  const box: PortTarget = {
    name: "box",
    perform: (all) =>
      Promise.resolve(
        all.map((one) => {
          if (one.direction === "out" && one.port === 0x300) index = one.value;
          return index === 0 ? 0x55 : 0xee;
        }),
      ),
  };
  expect(await readSource(classifier, box)).toEqual([
    { device: "box", register: "B", value: 0x55, expected: 0x55, moved: false },
  ]);
  expect(index).toBe(1);
});

/** A card whose register n holds 100h + n. */
function card(base: number): PortTarget {
  let rap = 0;
  return {
    name: "card",
    perform: (operations) =>
      Promise.resolve(
        operations.map((one) => {
          if (one.port !== base + 0x12) return one.port === base + 0x10 ? 0x100 + rap : 0;
          if (one.direction === "out") rap = one.value;
          return rap;
        }),
      ),
  };
}

test("every key that a description lists is read back, what the guest wrote and what the device changed", async () => {
  const config = (register: number, op: "in" | "out", value: number): Row[] => [
    ["out", 0xcf8, 0x80001800 + register, 32],
    [op, 0xcfc, value, 32],
  ];
  const classifier = classifierOf(library, [
    ...config(0x00, "in", 0x20001022),
    ...config(0x10, "out", 0xc001),
    ...config(0x04, "out", 0x05),
    ["out", 0xc012, 0, 16],
    ["out", 0xc010, 0x0001, 16],
    ["out", 0xc010, 0x0002, 16],
  ]);
  const unknown = makePlan(classifier).unknown.map(({ register }) => register);
  expect(unknown).toContain("RING_16/RING_32[18..45, 47]");
  await readSource(classifier, card(0xc000));
  const plan = makePlan(classifier);
  expect(plan.unknown).toEqual([]);
  const ring = (register: string) => register === "RING_16" || register === "RING_COUNT_16";
  const written = plan.steps.flatMap((step) => (step.op === "out" && ring(step.register) ? [step.value] : []));
  const keys = [...Array(28).keys()].map((i) => 18 + i);
  expect(written).toEqual([...keys, 47, 72, 74, 112].map((n) => 0x100 + n));
});
