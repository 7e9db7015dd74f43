import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import { describe, expect, test } from "vitest";
import { classifierOf, type Row } from "../../test/support/classifier-of.ts";
import { makePlan } from "../plan/make-plan.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { busyDevices } from "./busy.ts";
import { interruptsToRepeat } from "./interrupts.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** A machine whose ports read as given, else as 0. */
const machine = (reads: Readonly<Record<number, number>>): PortTarget => ({
  name: "machine",
  perform: (operations) => Promise.resolve(operations.map(({ port }) => reads[port] ?? 0)),
});

const IER = 0x3f9;
const enabled: Row = ["out", IER, 0x02];

const [STATUS, CONTROL, ALTERNATE] = [0x1f7, 0x3f6, 0x3f6];
const identified: Row[] = [
  ["out", CONTROL, 0],
  ["out", 0x1f6, 0xe0],
  ["out", STATUS, 0xec],
];
const read: Row = ["out", STATUS, 0xc8];
const selectSecond: Row = ["out", 0x1f6, 0xf0];

const [BMICX, BMISX] = [0xc000, 0xc002];
const busMaster: Row[] = [
  ["out", 0xcf8, 0x80000908, 32],
  ["in", 0xcfc, 0x01018000, 32],
  ["out", 0xcf8, 0x80000920, 32],
  ["out", 0xcfc, BMICX | 1, 32],
  ["out", 0xcf8, 0x80000904, 32],
  ["out", 0xcfc, 5, 16],
  ["out", BMICX, 0x09],
];

const pit = (control: number): Row[] => [
  ["out", 0x43, control],
  ["out", 0x40, 0x12],
  ["out", 0x40, 0x34],
];

/** The devices that are to ask again, of those that may have asked for this interrupt. */
async function askAgain(rows: readonly Row[], reads: Readonly<Record<number, number>>, irq: number): Promise<string[]> {
  const found = await interruptsToRepeat(classifierOf(library, rows), machine(reads), [irq]);
  return found.map(({ state }) => state.instance.name);
}

describe("an empty transmitter asks again", () => {
  test.each<[string, readonly Row[], number, readonly string[]]>([
    ["where nothing else may", [enabled], 0x02, ["com1"]],
    ["not where it may not", [enabled, ["out", IER, 0]], 0x00, []],
    ["not where received data may have asked", [["out", IER, 0x03]], 0x03, []],
    ["not where nobody has used it", [], 0x02, []],
  ])("%s", async (_, rows, ier, devices) => {
    expect(await askAgain(rows, { [IER]: ier }, 4)).toEqual(devices);
  });

  test("not where it may have been another one's on the same line", async () => {
    const both: Row[] = [enabled, ["out", 0x3e9, 0x02]];
    expect(await askAgain(both, { [IER]: 2, 0x3e9: 2 }, 4)).toEqual([]);
  });
});

describe("a disk asks again", () => {
  test.each<[string, readonly Row[], number, readonly string[]]>([
    ["after a command", [...identified, read], 0x50, ["ata1"]],
    ["not while it works", [...identified, read], 0xd0, []],
    ["not while it has data", [...identified, read], 0x58, []],
    ["not after an error", [...identified, read], 0x51, []],
    ["not where it may not", [...identified, read, ["out", CONTROL, 2]], 0x50, []],
    ["not where nobody knows what it is", [["out", 0x1f6, 0xe0], read], 0x50, []],
    ["not where it takes packets", [...identified, ["out", STATUS, 0xa1]], 0x50, []],
    ["not where it is not the one that is known", [...identified, read, selectSecond], 0x50, []],
    ["as the second one", [selectSecond, ["out", STATUS, 0xec], read], 0x50, ["ata1"]],
  ])("%s", async (_, rows, status, devices) => {
    expect(await askAgain(rows, { [ALTERNATE]: status }, 14)).toEqual(devices);
  });

  test.each([
    { irqs: [14], busy: [] },
    { irqs: [], busy: ["a transfer is under way", "a transfer has ended and waits to be served"] },
  ])("with what its bus master has to tell, which waits without it: $irqs", async ({ irqs, busy }) => {
    const classifier = classifierOf(library, [...identified, ...busMaster, read]);
    const asking = machine({ [ALTERNATE]: 0x50, [BMICX]: 0x09, [BMISX]: 0x04 });
    const seen = await busyDevices(classifier, asking, "guest", irqs);
    expect(seen).toEqual(busy.map((why) => ({ device: "bmide1", why })));
  });
});

test.each([
  [0x30, []],
  [0x32, []],
  [0x34, ["pit"]],
  [0x36, ["pit"]],
  [0x38, []],
])("the timer with control word %i asks again: %s", async (control, devices) => {
  expect(await askAgain(pit(control), {}, 0)).toEqual(devices);
});

test("one that nothing makes pending again is waited for", async () => {
  expect(await busyDevices(classifierOf(library, [enabled]), machine({ [IER]: 2 }), "guest", [1, 4])).toEqual([
    { device: "IRQ 1", why: "it is pending, and nothing is known to make it so again" },
  ]);
});

describe("a plan", () => {
  const shown = (step: PlanStep) => [
    step.port,
    step.op === "out" ? step.value : step.op === "in" ? step.expect : "drain",
  ];
  const rows: Row[] = [...pit(0x34), ...identified, enabled, ["out", 0x1f2, 3], ["out", 0x1f2, 4], ["out", 0x21, 0xfa]];
  const target = machine({ [ALTERNATE]: 0x50, [IER]: 2 });

  test("makes interrupts pending again after everything else, sees that it did, and brings back what that has changed", async () => {
    const classifier = classifierOf(library, rows);
    const plan = makePlan(classifier, await interruptsToRepeat(classifier, target, [0, 4, 14]));
    expect(plan.interrupts.map(({ irq, device }) => [irq, device])).toEqual([
      [0, "pit"],
      [4, "com1"],
      [14, "ata1"],
    ]);
    const plain = makePlan(classifier);
    expect(plan.steps.slice(0, plain.steps.length)).toEqual(plain.steps);
    expect(plan.steps.slice(plain.steps.length).map(shown)).toEqual([
      [0x43, 0x30],
      [0x40, 0],
      [0x40, 0],
      [0x43, 0x36],
      [0x40, 0],
      [0x40, 0],
      [0x43, 0x34],
      [0x40, 0x12],
      [0x40, 0x34],
      [IER, 0],
      [IER, 2],
      [IER, { mask: 0x0f, value: 0x02 }],
      [STATUS, 0xe5],
      [ALTERNATE, "drain"],
      [0x1f2, 3],
      [0x1f2, 4],
      [ALTERNATE, { mask: 0xe9, value: 0x40 }],
    ]);
  });

  test.each([
    {
      shows: "the guest has cleared there",
      status: 0x60,
      last: [
        [BMISX, 0x66],
        [BMISX, { mask: 0x04, value: 0 }],
      ],
    },
    {
      shows: "is still there",
      status: 0x64,
      last: [
        [0x1f2, 4],
        [ALTERNATE, { mask: 0xe9, value: 0x40 }],
      ],
    },
  ])("leaves a bus master's bit, which comes with the disk's request, as it was: $shows", async ({ status, last }) => {
    const classifier = classifierOf(library, [...rows, ...busMaster, ["out", BMISX, 0x66]]);
    const asking = machine({ [ALTERNATE]: 0x50, [BMISX]: status });
    const plan = makePlan(classifier, await interruptsToRepeat(classifier, asking, [14]));
    expect(plan.interrupts.map(({ device }) => device)).toEqual(["ata1"]);
    expect(plan.steps.slice(-2).map(shown)).toEqual(last);
  });

  test("leaves a count half written as it was", async () => {
    const classifier = classifierOf(library, [...pit(0x34), ["out", 0x40, 0x99]]);
    const plan = makePlan(classifier, await interruptsToRepeat(classifier, target, [0]));
    const written = plan.steps.flatMap((step) => (step.device === "pit" && step.op === "out" ? [step.value] : []));
    const count = [0x34, 0x12, 0x34, 0x99];
    expect(written).toEqual([...count, 0x30, 0, 0, 0x36, 0, 0, ...count]);
  });
});
