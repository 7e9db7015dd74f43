import {
  cubesHold,
  keptValue,
  openOf,
  type Classifier,
  type InstanceState,
  type Interrupt,
  type Recognition,
  type Register,
  type Rule,
  type Slot,
  type SlotContent,
  type SlotWrite,
} from "@portrait/classifier";
import type { Width } from "@portrait/tracer";
import type { PendingInterrupt } from "../carry-out/interrupts.ts";
import { exactly, Navigator, UnreachableError } from "./navigator.ts";
import type { Plan, PlanStep } from "./plan.ts";

/** Number of a write that no access made. */
const NO_ACCESS = -1;

/** Why a selector is among what a plan leaves open: the device is not as the guest had it. */
export const SELECTOR_LEFT = "no port access brings this selector to the guest's value";

/** Place of what raises the first interrupt: behind everything that could clear it. */
const INTERRUPTS = 2 ** 32;
/** Before the next one: what changes with an interrupt's request. */
const BEHIND = 0.5;

/** One kept write and the slots it still serves. */
interface Kept {
  readonly write: SlotWrite;
  readonly slots: Slot[];
  /** First access of the group it belongs to, and its place in it. */
  readonly group: number;
  readonly place: number;
  value: number;
}

/**
 * The plan that brings a fresh machine's devices to what the classifier knows, and makes these interrupts pending again. Shapes and
 * order: docs/replay.md.
 */
export function makePlan(classifier: Classifier, interrupts: readonly PendingInterrupt[] = []): Plan {
  const steps: PlanStep[] = [];
  const unknown: Plan["unknown"][number][] = [];
  const unreachable: Plan["unreachable"][number][] = [];
  const recognised = classifier.recognitions();
  const raised = interrupts.flatMap(({ alongside, ...asking }) => [
    { ...asking, order: INTERRUPTS + asking.irq },
    ...alongside.map((one) => ({ ...one, irq: asking.irq, order: INTERRUPTS + asking.irq + BEHIND })),
  ]);
  const segments = classifier.states
    .filter((state) => state.touched || state.instance.always)
    .flatMap((state) => {
      const behind = recognised
        .filter(({ owner }) => classifier.states[owner] === state)
        .map((one) => ({ ...one, name: classifier.states[one.instance]?.instance.name ?? "" }));
      const device = new DevicePlan(state, behind, steps, { unknown, unreachable });
      const asked = raised.filter((one) => one.state === state);
      return [
        ...device.orders().map((order) => ({ order, emit: () => device.emit(order) })),
        ...asked.map(({ order, irq, interrupt }) => ({ order, emit: () => device.raise(irq, interrupt) })),
      ];
    });
  segments.sort((a, b) => a.order - b.order);
  for (const { emit } of segments) emit();
  const kept = new Set(steps.flatMap((step) => step.from));
  return {
    steps,
    interrupts: interrupts.map(({ irq, state, interrupt }) => ({
      ...{ irq, device: state.instance.name, why: interrupt.why },
    })),
    unknown,
    unreachable,
    counts: { accesses: classifier.accesses, kept: kept.size, steps: steps.length },
  };
}

/** A device that was seen behind a window, and its instance's name. */
type Seen = Recognition & { readonly name: string };

/** The part of a plan that concerns one device instance. */
class DevicePlan {
  readonly #source: InstanceState;
  /** Devices that were seen behind its windows. */
  readonly #behind: readonly Seen[];
  readonly #steps: PlanStep[];
  readonly #lists: { unknown: Plan["unknown"][number][]; unreachable: Plan["unreachable"][number][] };
  readonly #kept = new Map<string, Kept>();
  #navigator: Navigator | undefined;

  constructor(
    source: InstanceState,
    behind: readonly Seen[],
    steps: PlanStep[],
    lists: { unknown: Plan["unknown"][number][]; unreachable: Plan["unreachable"][number][] },
  ) {
    this.#source = source;
    this.#behind = behind;
    this.#steps = steps;
    this.#lists = lists;
    for (const slot of source.instance.device.slots) this.#collect(slot);
    for (const slot of source.instance.device.slots) this.#keepAfterTaken(slot);
    this.#listSelectors();
    if (source.touched) this.#listUnreachable();
  }

  /** The places in the whole plan where this device has writes, low first. The device's own comes in any case. */
  orders(): number[] {
    const orders = [...this.#kept.values()].map((kept) => kept.slots[0]?.order ?? 0);
    if (this.#source.touched) orders.push(this.#source.instance.device.order);
    return [...new Set(orders)].sort((a, b) => a - b);
  }

  /** Writes the steps that stand at this place of the plan. */
  emit(order: number): void {
    this.#navigator ??= this.#begin();
    this.#emitAll(this.#navigator, ({ slots }) => slots[0]?.order === order);
    this.#leave(this.#navigator);
  }

  /** Makes the device ask for its interrupt where it does so itself, brings back what that has changed, and sees that it shows what it did at the source. */
  raise(irq: number, interrupt: Interrupt): void {
    const navigator = (this.#navigator ??= this.#begin());
    const why = `makes IRQ ${irq} pending again: ${interrupt.why}`;
    const raised = failureOf(() => navigator.take(interrupt.steps, { from: [], why, risk: "care" }));
    this.#emitAll(navigator, ({ slots }) => slots.some((slot) => interrupt.again.includes(slot)));
    const seen = failureOf(() => {
      for (const { read, mask, is } of interrupt.shows)
        navigator.read(read, [], `sees that IRQ ${irq} is asked for as at the source`, { mask, value: is });
    });
    this.#leave(navigator);
    const failure = raised ?? seen;
    if (failure !== undefined) this.#addUnknown(`IRQ ${irq}`, failure);
  }

  /** Writes the steps of kept writes in their order. */
  #emitAll(navigator: Navigator, which: (kept: Kept) => boolean): void {
    const kept = [...this.#kept.values()].filter(which).sort(inPlanOrder);
    for (const one of kept) this.#emitOne(navigator, one);
  }

  /** Leaves the selectors as the guest had them. */
  #leave(navigator: Navigator): void {
    for (const selector of navigator.leave(this.#source.selectors)) this.#unreachable(selector, SELECTOR_LEFT);
  }

  /** Before anything is written through a window: does the same device stand behind it? */
  #begin(): Navigator {
    const navigator = new Navigator(this.#source, this.#steps, "unknown");
    const seen = new Set<string>();
    for (const { window, address, binding, name } of this.#behind) {
      for (const { at, mask, is } of binding.shows) {
        const id = `${window.name} ${address + at} ${mask} ${is}`;
        if (seen.has(id)) continue;
        seen.add(id);
        const guards = [...exactly(window.key, [(address + at) / 4]), ...window.guards];
        const why = `sees whether ${name} stands here`;
        const failure = failureOf(() => navigator.readPort(window.lanes, guards, why, { mask, value: is }));
        if (failure !== undefined) this.#addUnknown(window.name, failure);
      }
    }
    return navigator;
  }

  #emitOne(navigator: Navigator, { write, slots, value }: Kept): void {
    const slot = slots[0];
    if (slot === undefined) return;
    const why = slot.why ?? slot.title ?? `state of ${slot.name}`;
    const reason = {
      from: write.read || write.seq < 0 ? [] : [write.seq],
      why: write.read ? `${why}; read at the source` : why,
      risk: slot.risk,
    };
    const { advance } = slot;
    if (advance !== undefined) {
      const failure = failureOf(() => navigator.advance(slot, advance, value, reason));
      if (failure !== undefined) this.#unknown(slot, failure);
      return;
    }
    const here = [...exactly(write.takenBy === undefined ? slot.key : [], write.key), ...slot.guards];
    const failure = failureOf(() =>
      navigator.write(write.register, value, write.width, [...here, ...write.guards], write.drain, reason),
    );
    if (failure === undefined) return;
    // A device that is in another mode by now takes it by another rule, and a card may have the same register elsewhere.
    const otherwise = this.#otherRules(write, slots).some(
      ({ register, width, rule }) =>
        failureOf(() => navigator.write(register, value, width, [...here, ...rule.guards], rule.drain, reason)) ===
        undefined,
    );
    if (!otherwise) this.#unknown(slot, failure);
  }

  /** Other rules that fill all the slots with the same bits of the same fields, of the register itself and of others. */
  #otherRules(write: SlotWrite, slots: readonly Slot[]): { register: Register; width: Width; rule: Rule }[] {
    const fields = JSON.stringify(write.register.fields);
    const alike = this.#source.instance.device.registers.filter((one) => JSON.stringify(one.fields) === fields);
    return alike.flatMap((register) => {
      const own = register === write.register;
      const rules = register.onWrite.filter(
        (rule) =>
          slots.every((slot) => rule.fill.includes(slot)) &&
          rule.part === "whole" &&
          rule.keep === write.keep &&
          rule.with === write.with &&
          cubesHold(rule.cubes, write.value) &&
          !(own && rule.guards === write.guards),
      );
      const width = own ? write.width : (register.port.widths[0] ?? 8);
      return rules.map((rule) => ({ register, width, rule }));
    });
  }

  #collect(slot: Slot): void {
    if (slot.key.length === 0) this.#collectContent(slot, this.#source.slots.content(slot, 0), "");
    else if (slot.keys !== undefined) this.#collectKeys(slot, slot.keys);
    else {
      for (const [key, content] of this.#source.slots.keys(slot)) this.#collectContent(slot, content, `[${key}]`);
      this.#collectContent(slot, this.#source.slots.rest(slot), "[…]");
    }
  }

  /** Keys that are unknown for one reason are told as one. */
  #collectKeys(slot: Slot, keys: readonly number[]): void {
    const unknown = new Map<string, number[]>();
    for (const key of keys) {
      const content = this.#source.slots.content(slot, key);
      if (content.status === "unknown" && slot.never === undefined && content.open.length === 0) {
        unknown.set(content.reason, [...(unknown.get(content.reason) ?? []), key]);
      } else this.#collectContent(slot, content, `[${key}]`);
    }
    for (const [reason, group] of unknown) this.#unknown(slot, reason, `[${rangesText(group)}]`);
  }

  #collectContent(slot: Slot, content: SlotContent, key: string): void {
    if (slot.never !== undefined) {
      if (content.status === "known") this.#unreachable(slot.name, slot.never);
      return;
    }
    if (content.status === "unknown") this.#unknown(slot, content.reason, key);
    const closed = content.status === "known" ? content.closed : [];
    this.#keep(slot, closed);
    this.#keep(slot, openOf(content));
  }

  #keep(slot: Slot, group: readonly SlotWrite[]): void {
    group.forEach((write, place) => {
      // Values read back all have the number of the access they were read after, and are writes of their own.
      const own = `${write.register.index}${write.read ? `[${write.key.join()}]` : ""}`;
      const id = `${write.seq}/${write.part}/${own}/${write.takenBy ?? ""}/${slot.order}/${slot.rank}`;
      const kept = this.#kept.get(id);
      if (kept === undefined) {
        const first = write.takenBy ?? group.find(({ takenBy }) => takenBy === undefined)?.seq ?? write.seq;
        this.#kept.set(id, { write, slots: [slot], group: first, place, value: keptValue(write) });
      } else {
        kept.slots.push(slot);
        kept.value = (kept.value | keptValue(write)) >>> 0;
      }
    });
  }

  /** A slot that its writes as parameters would leave changed gets the value that it took since as a consequence. */
  #keepAfterTaken(slot: Slot): void {
    const content = slot.key.length === 0 ? this.#source.slots.content(slot, 0) : undefined;
    if (content?.status !== "implied") return;
    const taken = [...this.#kept.values()].find(
      ({ write }) => write.takenBy !== undefined && write.register.onWrite.some((rule) => rule.fill.includes(slot)),
    );
    if (taken === undefined) return;
    const { value, cause } = content;
    this.#keep(slot, [{ ...taken.write, takenBy: undefined, seq: NO_ACCESS, part: cause, value }]);
  }

  #unknown(slot: Slot, reason: string, key = ""): void {
    const device = this.#source.instance;
    const fillers = device.device.registers.filter((one) => one.onWrite.some((rule) => rule.fill.includes(slot)));
    const names = fillers.map((one) => one.name);
    const register = names.includes(slot.name) || names.length === 0 ? slot.name : names.join("/");
    const what = register === slot.name || slot.title === undefined ? reason : `${slot.title}: ${reason}`;
    this.#addUnknown(`${register}${key}`, what);
  }

  #addUnknown(register: string, reason: string): void {
    this.#lists.unknown.push({ device: this.#source.instance.name, register, reason });
  }

  #unreachable(what: string, reason: string): void {
    const device = this.#source.instance.name;
    if (this.#lists.unreachable.some((one) => one.device === device && one.what === what)) return;
    this.#lists.unreachable.push({ device, what, reason });
  }

  #listSelectors(): void {
    const { device } = this.#source.instance;
    for (const selector of device.selectors) {
      if (selector.reach.length === 0 || this.#source.selectors[selector.index] !== -1) continue;
      const reason = "nothing observed says what it is";
      this.#addUnknown(`selector ${selector.name}`, reason);
    }
  }

  #listUnreachable(): void {
    for (const one of this.#source.instance.device.unreachable) this.#unreachable(one.what, one.why);
  }
}

/** `18..45, 47` of numbers in ascending order. */
function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([lo, hi]) => (lo === hi ? String(lo) : `${lo}..${hi}`)).join(", ");
}

/** Why the steps cannot be taken; undefined where they were. */
function failureOf(take: () => void): string | undefined {
  try {
    take();
    return undefined;
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return error.message;
  }
}

function inPlanOrder(a: Kept, b: Kept): number {
  return (
    (a.slots[0]?.rank ?? 0) - (b.slots[0]?.rank ?? 0) ||
    a.group - b.group ||
    a.place - b.place ||
    a.write.seq - b.write.seq ||
    a.write.part - b.write.part
  );
}
