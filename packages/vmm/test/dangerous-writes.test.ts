import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { makePlan, type PendingInterrupt } from "@portrait/replayer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf, out, planText, read, textOf, type PortAccess } from "../src/fuzz/accesses.ts";
import { dangerousWrites } from "../src/fuzz/dangerous-writes.ts";
import { byte, mostly, sequences } from "./law/device-group.ts";
import { chipset, deviceGroups } from "./law/groups/all.ts";

const RUNS = Number(process.env["PORTRAIT_LAW_RUNS"] ?? 500);
const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** Every interrupt that a description could have asked for again, whatever its registers show. */
const everyInterrupt = ({ states }: Classifier): PendingInterrupt[] =>
  states.flatMap((state) => {
    const { irq, device } = state.instance;
    const interrupt = device.interrupts.find(({ guards }) => state.holds(guards) === true);
    return irq === undefined || interrupt === undefined || !state.touched
      ? []
      : [{ irq, state, interrupt, alongside: [] }];
  });

function expectHarmlessPlan(accesses: readonly PortAccess[], fromReset: boolean): void {
  const classifier = new Classifier(library, { fromReset });
  classifier.feed(batchOf(accesses));
  const { steps } = makePlan(classifier, everyInterrupt(classifier));
  const found = dangerousWrites(steps);
  const context = ["accesses:", textOf(accesses), "plan:", planText(steps)];
  expect(found.length === 0 ? [] : [...found, ...context]).toEqual([]);
}

const word = (port: number, value: number): PortAccess => ({ direction: "out", port, width: 16, value });

/** What drivers do to devices that v86 cannot judge, or that no plan may repeat. */
const perilous = fc.oneof(
  fc
    .constantFrom(0x1f0, 0x170)
    .chain((base) =>
      fc
        .tuple(byte, mostly(0x20, 0x30, 0xec, 0xca, 0xc5))
        .map(([count, command]) => [out(base + 2, count), out(base + 6, 0xe0), out(base + 7, command), read(base + 7)]),
    ),
  fc.tuple(fc.constantFrom(0x3f6, 0x376), mostly(0x04, 0x0c, 0x02)).map(([port, control]) => [out(port, control)]),
  fc
    .tuple(fc.constantFrom(0x378, 0x278), byte, mostly(0x0d, 0x0c, 0x01))
    .map(([base, data, control]) => [out(base, data), out(base + 2, control), out(base + 2, control & 0xfe)]),
  fc
    .tuple(fc.constantFrom(0x604, 0xb004), fc.constantFrom(0x0001, 0x2001, 0x3401, 0x0005))
    .map(([port, control]) => [word(port, control)]),
  fc
    .tuple(fc.constantFrom(0x3f2, 0x3f4, 0x3f5, 0x3f7), mostly(0x80, 0x0c, 0x46))
    .map(([port, value]) => [out(port, value)]),
  fc
    .tuple(byte, mostly(0x48, 0x4c, 0x40))
    .map(([device, control]) => [out(0xb104, device), out(0xb102, control), read(0xb100)]),
  mostly(0x02, 0x06, 0x0e).map((reset) => [out(0xcf9, reset)]),
  fc.tuple(fc.constantFrom(0xb2, 0xb3, 0xe9, 0x402, 0xf0, 0xf1, 0x80), byte).map(([port, value]) => [out(port, value)]),
  fc.constantFrom(0xfe, 0xf0, 0xaa).map((command) => [out(0x64, command)]),
  byte.map((port) => [out(0x64, 0xd1), out(0x60, port & 0xfe)]),
  mostly(0x01, 0x03).map((value) => [out(0x92, value)]),
  fc.tuple(fc.constantFrom(0x09, 0xd2), byte).map(([port, request]) => [out(port, request)]),
  byte.map((data) => [out(0x3fc, 0x0b), out(0x3f8, data)]),
);

describe.each([...deviceGroups, chipset])("$name: no plan repeats what must not be repeated", (group) => {
  test.each([
    { start: "power-on", fromReset: true },
    { start: "the middle", fromReset: false },
  ])("of a trace from $start on", ({ fromReset }) => {
    fc.assert(
      fc.property(sequences(group), (accesses) => {
        expectHarmlessPlan(accesses, fromReset);
      }),
      { numRuns: RUNS / 5, seed: 8259 },
    );
  });
});

test.each([true, false])(
  "nor does one of devices that print, sleep, reset or move a disk's data; from power-on: %s",
  (fromReset) => {
    const accesses = fc.array(fc.oneof({ weight: 3, arbitrary: perilous }, chipset.pieces), { maxLength: 12 });
    fc.assert(
      fc.property(accesses, (pieces) => {
        expectHarmlessPlan(pieces.flat(), fromReset);
      }),
      { numRuns: RUNS, seed: 8259 },
    );
  },
);

test.each<[string, PortAccess[]]>([
  ["an end of interrupt", [out(0x20, 0x20)]],
  ["a transmitted byte", [out(0x3fb, 0x03), out(0x3f8, 0x41)]],
  ["a reset by the keyboard controller", [out(0x64, 0xfe)]],
  ["a reset by its output port", [out(0x64, 0xd1), out(0x60, 0xde)]],
  ["a reset by port 92h", [out(0x92, 0x01)]],
  ["a disk command", [out(0x1f7, 0xca)]],
  ["a printed character", [out(0x37a, 0x0d)]],
  ["sleep", [word(0x604, 0x3401)]],
])("%s would be noticed in a plan", (_, accesses) => {
  const steps = accesses.map(({ port, width, value }) => ({
    op: "out" as const,
    ...{ port, width, value, device: "", register: "", from: [], why: "", risk: "danger" as const },
  }));
  expect(dangerousWrites(steps)).toHaveLength(1);
});
