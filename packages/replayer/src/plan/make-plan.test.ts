import { builtinDescriptions, guardAccepts, heldValue, keptValue, loadLibrary, openOf } from "@portrait/classifier";
import type { Guard, InstanceState, Selector, Slot, SlotContent, Step } from "@portrait/classifier";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classifierOf, type Row } from "../../test/support/classifier-of.ts";
import { makePlan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });

const classify = (rows: readonly Row[], fromReset: boolean) => classifierOf(library, rows, fromReset);

/** A plan's steps as accesses. A drain's reads are answered as a device with nothing to say would. */
function accesses(plan: Plan): Row[] {
  return plan.steps.flatMap((step): Row[] => {
    if (step.op === "drain") return [["in", step.status, 0]];
    return step.op === "in" ? [["in", step.port, 0, step.width]] : [["out", step.port, step.value, step.width]];
  });
}

const outs = (plan: Plan) =>
  plan.steps.filter((step) => step.op === "out").map((step) => [step.port, step.value, step.register]);

/** The last writes to a slot that holds several, or of its parameters and itself, as many as are known. */
class Deep {
  readonly writes: readonly unknown[];

  constructor(writes: readonly unknown[]) {
    this.writes = writes;
  }
}

/** What was reached, of a slot that holds several writes only as many as were wanted: the ones before are what power-on left or a way needed. */
function asFarAs(wanted: unknown, reached: unknown): unknown {
  if (!(wanted instanceof Deep && reached instanceof Deep)) return reached;
  return new Deep(reached.writes.slice(-wanted.writes.length));
}

/** What a slot holds, without saying which access brought it. */
function essence(slot: Slot, content: SlotContent): unknown {
  const write = (one: { value: number; keep: number; with: number; register: { name: string } }) => [
    one.register.name,
    ((one.value & one.keep) | one.with) >>> 0,
  ];
  if (content.status === "known") {
    const closed = content.closed.map(write);
    if (slot.depth > 1 || slot.takes.length > 0) return new Deep(closed);
    return closed.length === 1 && openOf(content).length === 0
      ? heldValue(content)
      : [closed, openOf(content).map(write)];
  }
  if (content.status === "unknown") return ["unknown", openOf(content).map(write)];
  return content.status === "none" ? "none" : content.value;
}

function knowledge(state: InstanceState): [string, unknown][] {
  return state.instance.device.slots
    .filter((slot) => slot.never === undefined)
    .flatMap((slot): [string, unknown][] => {
      if (slot.key.length === 0) return [[slot.name, essence(slot, state.slots.content(slot, 0))]];
      return [...state.slots.keys(slot)].map(([key, content]) => [`${slot.name}[${key}]`, essence(slot, content)]);
    })
    .filter(([, what]) => what !== undefined);
}

describe("a plan for the interrupt controllers and a serial port", () => {
  const boot: Row[] = [
    ["out", 0x20, 0x11],
    ["out", 0x21, 0x30],
    ["out", 0x21, 0x04],
    ["out", 0x21, 0x01],
    ["out", 0x21, 0xfe],
  ];

  test("repeats the initialisation sequence in order and the mask last of all", () => {
    const plan = makePlan(classify([...boot, ["out", 0x20, 0x20], ["out", 0x3fb, 0x03]], true));
    expect(outs(plan)).toEqual([
      [0x3fb, 0x03, "LCR"],
      [0x20, 0x11, "ICW1"],
      [0x21, 0x30, "ICW2"],
      [0x21, 0x04, "ICW3"],
      [0x21, 0x01, "ICW4"],
      [0x21, 0xfe, "OCW1"],
    ]);
    expect(plan.unknown).toEqual([]);
    expect(plan.counts).toEqual({ accesses: 7, kept: 6, steps: 6 });
  });

  test("never contains an end of interrupt", () => {
    const eois: Row[] = [0x20, 0x21, 0x60, 0x67].map((value) => ["out", 0x20, value]);
    expect(outs(makePlan(classify([...boot, ...eois], true))).filter(([, , register]) => register === "OCW2")).toEqual(
      [],
    );
  });

  test("brings a rotation back as the priority it left", () => {
    const plan = makePlan(classify([...boot, ["out", 0x20, 0xe3]], true));
    expect(outs(plan)).toContainEqual([0x20, 0xc3, "OCW2"]);
  });

  test("a write that a later one lets be taken by another rule is repeated all the same", () => {
    const icw: Row[] = [0x30, 0x04].map((value) => ["out", 0x21, value]);
    const plan = makePlan(classify([["out", 0x20, 0x11], ["out", 0x20, 0xc3], ...icw, ["out", 0x21, 0x03]], true));
    expect(plan.unknown).toEqual([]);
    expect(
      outs(plan)
        .slice(0, 5)
        .map(([, value]) => value),
    ).toEqual([0x11, 0x30, 0x04, 0x03, 0xc3]);
  });

  test("names a priority that depends on the in-service register as unknown", () => {
    const plan = makePlan(classify([...boot, ["out", 0x20, 0xa0]], true));
    expect(plan.unknown).toEqual([
      {
        device: "pic1",
        register: "OCW2",
        reason: "level of lowest priority: rotate on non-specific EOI depends on the in-service register",
      },
    ]);
  });

  test("replays a half-done initialisation after the complete one", () => {
    const half: Row[] = [
      ["out", 0x20, 0x11],
      ["out", 0x21, 0x40],
    ];
    expect(outs(makePlan(classify([...boot, ...half], true)))).toEqual([
      [0x20, 0x11, "ICW1"],
      [0x21, 0x30, "ICW2"],
      [0x21, 0x04, "ICW3"],
      [0x21, 0x01, "ICW4"],
      [0x20, 0x11, "ICW1"],
      [0x21, 0x40, "ICW2"],
    ]);
  });

  test("sets DLAB to reach the divisor and leaves the line register as the guest had it", () => {
    const rows: Row[] = [
      ["out", 0x3fb, 0x83],
      ["out", 0x3f8, 0x01],
      ["out", 0x3fb, 0x1b],
    ];
    expect(outs(makePlan(classify(rows, true)))).toEqual([
      [0x3fb, 0x9b, "LCR"],
      [0x3f8, 0x01, "DLL"],
      [0x3fb, 0x1b, "LCR"],
    ]);
  });

  test("of a trace that begins late says which registers are not known", () => {
    const plan = makePlan(classify([["out", 0x21, 0xfe]], false));
    const pic = plan.unknown.filter(({ device }) => device === "pic1").map(({ register }) => register);
    expect(pic).toContain("ICW1/ICW2/ICW3/ICW4");
    expect(pic).toContain("OCW1");
  });
});

/** Ports of the library's 8-bit registers, so that random accesses reach devices. */
const ports = [...Array(0x400).keys()].filter((port) =>
  library.claims(port)?.some((claim) => claim.port.widths.includes(8)),
);
const rows = fc.array(
  fc.tuple(
    fc.constantFrom<"in" | "out">("out", "out", "out", "in"),
    fc.constantFrom(...ports),
    fc.oneof(
      fc.constantFrom(0x11, 0x34, 0x36, 0x83, 0x03, 0x20, 0x60, 0xd4, 0x00, 0xff),
      fc.integer({ min: 0, max: 255 }),
    ),
  ),
  { maxLength: 60 },
);

/** True when a way leads to the value wherever the selector stood: not one that begins at a value of it to which none leads. */
function served({ index, reach }: Selector, value: number): boolean {
  const leadsTo = (to: Guard | undefined, wanted: number) => to === undefined || guardAccepts(to, wanted);
  const begins = (step: Step) => ("read" in step ? step.read.readGuards : step.write.writeGuards);
  const isReached = ({ selector, ranges }: Guard) =>
    selector !== index || ranges.some(([lo]) => reach.some(({ to }) => leadsTo(to, lo)));
  return reach.some(({ to, steps }) => leadsTo(to, value) && steps.flatMap(begins).every(isReached));
}

describe("the central law, by our own model", () => {
  test("a plan's steps give a fresh device the knowledge the plan was made from", () => {
    fc.assert(
      fc.property(rows, (all) => {
        const source = classify(all, true);
        const plan = makePlan(source);
        const target = classify(accesses(plan), true);
        for (const [i, state] of source.states.entries()) {
          if (!state.touched || plan.unknown.some(({ device }) => device === state.instance.name)) continue;
          const reached = new Map(knowledge(target.states[i] ?? state));
          // Where the source holds nothing, a fresh device holds nothing of the guest's either: what power-on left.
          const empty = (what: unknown) => what === "none" || what === undefined;
          const powerOn = new Map(state.instance.device.slots.map(({ name, reset }) => [name, reset]));
          const untouched = (name: string) => empty(reached.get(name)) || reached.get(name) === powerOn.get(name);
          const wanted = knowledge(state).filter(([name, what]) => !(empty(what) && untouched(name)));
          expect(wanted.map(([name, what]) => [state.instance.name, name, asFarAs(what, reached.get(name))])).toEqual(
            wanted.map(([name, what]) => [state.instance.name, name, what]),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a plan leaves every selector it can reach as the guest had it, wherever the target's stood before", () => {
    fc.assert(
      fc.property(rows, (all) => {
        const source = classify(all, true);
        const plan = makePlan(source);
        const target = classify(accesses(plan), false);
        for (const [i, state] of source.states.entries()) {
          if (!state.touched) continue;
          for (const selector of state.instance.device.selectors) {
            const { index, name } = selector;
            const given = plan.unreachable.some(({ device, what }) => device === state.instance.name && what === name);
            const value = state.selectors[index] ?? -1;
            if (!served(selector, value) || given || value === -1) continue;
            const left = target.states[i]?.selectors[index];
            expect([state.instance.name, name, left]).toEqual([state.instance.name, name, value]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a plan holds nothing but observed values and what descriptions say", () => {
    fc.assert(
      fc.property(rows, (all) => {
        for (const step of makePlan(classify(all, true)).steps) {
          if (step.op !== "out" || step.from.length === 0) continue;
          const observed = all[step.from[0] ?? 0];
          expect(observed?.[0]).toBe("out");
          expect(observed?.[1]).toBe(step.port);
        }
      }),
    );
  });
});

test("keptValue applies keep, then with", () => {
  const state = classify([["out", 0x3fa, 0xc7]], true).states.find(({ instance }) => instance.name === "com1");
  const slot = state?.instance.device.slots.find(({ name }) => name === "FCR");
  const content = slot && state?.slots.content(slot, 0);
  expect(content?.status === "known" ? content.closed.map(keptValue) : []).toEqual([0xc1]);
});
