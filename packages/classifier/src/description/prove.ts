import { hex } from "./hex.ts";
import {
  cubesHold,
  guardAccepts,
  type Cube,
  type Device,
  type Guard,
  type Port,
  type Register,
  type Rule,
} from "./model.ts";
import type { DescriptionProblem } from "./problem.ts";

/** Cases times registers that a proof may try: a second or so. */
const WORK_LIMIT = 1 << 24;

/** One access in one state, of a class of accesses that all patterns and guards treat alike. */
interface Case {
  readonly value: number;
  /** Selector values by selector index; only those that matter here are set. */
  readonly selectors: readonly number[];
}

/**
 * Proves that every port, direction, value and selector state reaches exactly one register, and that no two rules of a
 * register set the same thing in one access; and that what is named is used. Enumerates one case of each class that patterns and guards tell apart.
 */
export function prove(device: Device): DescriptionProblem[] {
  const problems: DescriptionProblem[] = [];
  for (const port of device.ports) {
    const here = device.registers.filter((register) => register.port === port);
    const readers = here.filter((register) => register.access !== "WO");
    const writers = here.filter((register) => register.access !== "RO");
    if (readers.length > 0) proveOne(device, port, "in", readers, problems);
    if (writers.length > 0) proveOne(device, port, "out", writers, problems);
    if (here.length === 0) problems.push({ path: ["ports", port.name], message: "no register stands at this port" });
  }
  for (const register of device.registers) {
    proveRules(device, register, "onWrite", problems);
    proveRules(device, register, "onRead", problems);
  }
  return [...problems, ...unused(device)];
}

/** Slots and selectors that no access ever touches. */
function unused({ registers, slots, selectors }: Device): DescriptionProblem[] {
  const rules = registers.flatMap(({ onWrite, onRead }) => [...onWrite, ...onRead]);
  const touched = new Set(rules.flatMap((rule) => [...rule.fill, ...rule.clear.map(({ slot }) => slot), rule.learn]));
  const moved = new Set(rules.flatMap((rule) => [...rule.set, ...rule.latch, ...rule.add].map((one) => one.selector)));
  return [
    ...slots
      .filter((slot) => !touched.has(slot))
      .map(({ name }) => ({ path: ["slots", name], message: "no register fills it: fill: in a register or a rule" })),
    ...selectors
      .filter(({ index }) => !moved.has(index))
      .map(({ kind, name }) => ({
        path: [kind, name],
        message: "no rule sets it: set, latch or add in onWrite or onRead",
      })),
  ];
}

function guardsOf(register: Register, direction: "in" | "out"): readonly Guard[] {
  return direction === "in" ? register.readGuards : register.writeGuards;
}

function proveOne(
  device: Device,
  port: Port,
  direction: "in" | "out",
  registers: readonly Register[],
  problems: DescriptionProblem[],
): void {
  const cubes = direction === "out" ? registers.flatMap((register) => register.cubes) : [];
  const guards = registers.flatMap((register) => guardsOf(register, direction));
  const path = ["ports", port.name];
  const seen = new Set<string>();
  const done = forEachCase(device, cubes, guards, WORK_LIMIT / registers.length, (one) => {
    const fitting = registers.filter(
      (register) =>
        (direction === "in" || cubesHold(register.cubes, one.value)) &&
        guardsOf(register, direction).every((guard) => guardAccepts(guard, one.selectors[guard.selector] ?? 0)),
    );
    if (fitting.length === 1) return;
    const names = fitting.map((register) => register.name).join(" and ");
    if (seen.has(names)) return;
    seen.add(names);
    const what = `${direction === "in" ? "a read" : `a write of ${hex(one.value)}`}${stateText(device, guards, one)}`;
    problems.push({
      path,
      message:
        fitting.length === 0
          ? `${what} reaches no register; a hole is a register of its own, RESERVED`
          : `${what} reaches ${names}; tell them apart by ${direction === "in" ? "when" : "match or when"}`,
    });
  });
  if (!done) problems.push({ path, message: "too many cases to prove; use fewer data bits or selectors at this port" });
}

function proveRules(
  device: Device,
  register: Register,
  key: "onWrite" | "onRead",
  problems: DescriptionProblem[],
): void {
  const rules = register[key];
  const guards = guardsOf(register, key === "onWrite" ? "out" : "in");
  for (let i = 0; i < rules.length; i++) {
    for (let j = i + 1; j < rules.length; j++) {
      const [a, b] = [rules[i], rules[j]];
      const shared = a && b && sharedTarget(device, a, b);
      if (a === undefined || b === undefined || shared === undefined) continue;
      const value = commonValue([register.cubes, a.cubes, b.cubes]);
      if (value === undefined || !canHold([...guards, ...a.guards, ...b.guards])) continue;
      const what = `${key} rules ${i} and ${j} both set ${shared} on ${hex(value)}`;
      problems.push({ path: ["registers", register.name], message: what });
    }
  }
}

/** A value that lies in one cube of each list; undefined when there is none. */
function commonValue(lists: readonly (readonly Cube[])[]): number | undefined {
  const [first, ...rest] = lists.filter((cubes) => cubes.length > 0);
  if (first === undefined) return 0;
  const search = (cube: Cube, left: readonly (readonly Cube[])[]): number | undefined => {
    const [next, ...others] = left;
    if (next === undefined) return cube.bits;
    for (const one of next) {
      if (((cube.bits ^ one.bits) & cube.mask & one.mask) !== 0) continue;
      const both = { mask: (cube.mask | one.mask) >>> 0, bits: (cube.bits | one.bits) >>> 0 };
      const found = search(both, others);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search({ mask: 0, bits: 0 }, [first, ...rest]);
}

/** True when some selector state satisfies all guards. */
function canHold(guards: readonly Guard[]): boolean {
  const selectors = new Set(guards.map((guard) => guard.selector));
  return [...selectors].every((selector) => {
    const own = guards.filter((guard) => guard.selector === selector);
    // The smallest value of an intersection of ranges is where one of them begins.
    const starts = own.flatMap((guard) => guard.ranges.map(([lo]) => lo));
    return starts.some((value) => own.every((guard) => guardAccepts(guard, value)));
  });
}

/** Name of what two rules would both set; undefined when nothing. */
function sharedTarget(device: Device, a: Rule, b: Rule): string | undefined {
  const selectorsOf = (rule: Rule) => [...rule.set, ...rule.latch, ...rule.add].map((effect) => effect.selector);
  const slotsOf = ({ fill, clear, lose, drop }: Rule) => [
    ...[...fill, ...drop],
    ...[...clear, ...lose].map(({ slot }) => slot),
  ];
  const selector = selectorsOf(a).find((index) => selectorsOf(b).includes(index));
  if (selector !== undefined) return device.selectors[selector]?.name;
  return slotsOf(a).find((one) => slotsOf(b).includes(one))?.name;
}

/** Calls `visit` with one case of each class; false when there are more than `limit`. */
function forEachCase(
  device: Device,
  cubes: readonly Cube[],
  guards: readonly Guard[],
  limit: number,
  visit: (one: Case) => void,
): boolean {
  const bits: number[] = [];
  for (let bit = 0; bit < 32; bit++) if (cubes.some((cube) => ((cube.mask >>> bit) & 1) !== 0)) bits.push(bit);
  const used = [...new Set(guards.map((guard) => guard.selector))];
  const classes = used.map((selector) => representatives(device.selectors[selector]?.size ?? 1, selector, guards));
  const count = classes.reduce((product, values) => product * values.length, 2 ** bits.length);
  if (count > limit) return false;
  const selectors: number[] = [];
  const walk = (depth: number): void => {
    if (depth < used.length) {
      for (const value of classes[depth] ?? []) {
        selectors[used[depth] ?? 0] = value;
        walk(depth + 1);
      }
      return;
    }
    for (let n = 0; n < 2 ** bits.length; n++) {
      let value = 0;
      for (let i = 0; i < bits.length; i++) if (((n >>> i) & 1) !== 0) value |= 1 << (bits[i] ?? 0);
      visit({ value: value >>> 0, selectors });
    }
  };
  walk(0);
  return true;
}

/** One value of each run that the guards on this selector do not tell apart. */
function representatives(size: number, selector: number, guards: readonly Guard[]): number[] {
  const starts = new Set([0]);
  for (const guard of guards) {
    if (guard.selector !== selector) continue;
    for (const [lo, hi] of guard.ranges) starts.add(lo).add(hi + 1);
  }
  return [...starts].filter((value) => value < size).sort((a, b) => a - b);
}

function stateText(device: Device, guards: readonly Guard[], one: Case): string {
  const used = [...new Set(guards.map((guard) => guard.selector))];
  if (used.length === 0) return "";
  const parts = used.map((index) => {
    const selector = device.selectors[index];
    const value = one.selectors[index] ?? 0;
    return `${selector?.name ?? index} = ${selector?.values?.[value] ?? value}`;
  });
  return ` with ${parts.join(", ")}`;
}
