import {
  guardAccepts,
  type Device,
  type Field,
  type Guard,
  type Register,
  type Rule,
  type Slot,
} from "@portrait/classifier";

/** An access that a rule of a register takes. */
export interface Deed {
  readonly register: Register;
  readonly rule: Rule;
  readonly direction: "in" | "out";
  /** Slots the rule has to do with, and selectors it moves. */
  readonly slots: ReadonlySet<Slot>;
  readonly selectors: ReadonlySet<number>;
}

/** One deed for each rule of the description. */
export function deedsOf({ registers }: Device): readonly Deed[] {
  return registers.flatMap((register) => [
    ...register.onWrite.map((rule) => deed(register, rule, "out")),
    ...register.onRead.map((rule) => deed(register, rule, "in")),
  ]);
}

function deed(register: Register, rule: Rule, direction: Deed["direction"]): Deed {
  const cleared = [...rule.clear, ...rule.lose].map(({ slot }) => slot);
  const filled = [...rule.fill, ...rule.drop, ...(rule.learn === undefined ? [] : [rule.learn])];
  return {
    register,
    rule,
    direction,
    slots: new Set([...filled, ...cleared, ...filled.flatMap(({ takes }) => takes)]),
    selectors: new Set([...rule.set, ...rule.latch, ...rule.add].map(({ selector }) => selector)),
  };
}

/** What a deed may have in common with another that undoes it, is undone by it, or is taken for it. */
export const NEIGHBOURS: readonly ((one: Deed, other: Deed) => boolean)[] = [
  (one, other) => share(one.slots, other.slots),
  (one, other) => share(one.selectors, other.selectors),
  (one, other) => one.register.port === other.register.port,
];

function share<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return [...one].some((item) => other.has(item));
}

/** A deed that brings a selector somewhere, and the bits of its value that do. */
export interface Way {
  readonly deed: Deed;
  readonly put?: { readonly field: Field; readonly value: number };
}

/** Deeds that bring the guard's selector to a value that it accepts. */
export function waysTo(guard: Guard, deeds: readonly Deed[]): readonly Way[] {
  return deeds.flatMap((deed): Way[] => {
    const { set, latch } = deed.rule;
    if (set.some(({ selector, value }) => selector === guard.selector && guardAccepts(guard, value))) return [{ deed }];
    const field = latch.find(({ selector }) => selector === guard.selector)?.field;
    const value = guard.ranges[0]?.[0];
    return field === undefined || value === undefined || deed.direction === "in"
      ? []
      : [{ deed, put: { field, value } }];
  });
}

/** What must hold for the deed. */
export function guardsOf({ register, rule, direction }: Deed): readonly Guard[] {
  return [...rule.guards, ...(direction === "in" ? register.readGuards : register.writeGuards)];
}
