import {
  keptValue,
  openOf,
  type Classifier,
  type InstanceState,
  type Slot,
  type SlotContent,
  type SlotWrite,
} from "@portrait/classifier";
import { exactly, Navigator, UnreachableError } from "./navigator.ts";
import type { Plan, PlanStep } from "./plan.ts";

/** Number of a write that no access made. */
const NO_ACCESS = -1;

/** One kept write and the slots it still serves. */
interface Kept {
  readonly write: SlotWrite;
  readonly slots: Slot[];
  /** First access of the group it belongs to, and its place in it. */
  readonly group: number;
  readonly place: number;
  value: number;
}

/** The plan that brings a fresh machine's devices to what the classifier knows. Shapes and order: docs/replay.md. */
export function makePlan(classifier: Classifier): Plan {
  const steps: PlanStep[] = [];
  const unknown: Plan["unknown"][number][] = [];
  const unreachable: Plan["unreachable"][number][] = [];
  const segments = classifier.states
    .filter((state) => state.touched || state.instance.always)
    .flatMap((state) => {
      const device = new DevicePlan(state, steps, { unknown, unreachable });
      return device.orders().map((order) => ({ order, device }));
    });
  segments.sort((a, b) => a.order - b.order);
  for (const { order, device } of segments) device.emit(order);
  const kept = new Set(steps.flatMap((step) => step.from));
  return {
    steps,
    unknown,
    unreachable,
    counts: { accesses: classifier.accesses, kept: kept.size, steps: steps.length },
  };
}

/** The part of a plan that concerns one device instance. */
class DevicePlan {
  readonly #source: InstanceState;
  readonly #steps: PlanStep[];
  readonly #lists: { unknown: Plan["unknown"][number][]; unreachable: Plan["unreachable"][number][] };
  readonly #kept = new Map<string, Kept>();
  #navigator: Navigator | undefined;

  constructor(
    source: InstanceState,
    steps: PlanStep[],
    lists: { unknown: Plan["unknown"][number][]; unreachable: Plan["unreachable"][number][] },
  ) {
    this.#source = source;
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
    this.#navigator ??= new Navigator(this.#source, this.#steps, "unknown");
    const here = [...this.#kept.values()].filter((kept) => kept.slots[0]?.order === order).sort(inPlanOrder);
    for (const kept of here) this.#emitOne(this.#navigator, kept);
    for (const selector of this.#navigator.leave(this.#source.selectors)) {
      this.#unreachable(selector, "no port access brings this selector to the guest's value");
    }
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
    try {
      const key = write.takenBy === undefined ? slot.key : [];
      const guards = [...exactly(key, write.key), ...write.guards];
      navigator.write(write.register, value, write.width, guards, write.drain, reason);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      this.#unknown(slot, error.message);
    }
  }

  #collect(slot: Slot): void {
    if (slot.key.length === 0) this.#collectContent(slot, this.#source.slots.content(slot, 0), "");
    else {
      for (const [key, content] of this.#source.slots.keys(slot)) this.#collectContent(slot, content, `[${key}]`);
      this.#collectContent(slot, this.#source.slots.rest(slot), "[…]");
    }
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
    this.#lists.unknown.push({ device: device.name, register: `${register}${key}`, reason: what });
  }

  #unreachable(what: string, reason: string): void {
    const device = this.#source.instance.name;
    if (this.#lists.unreachable.some((one) => one.device === device && one.what === what)) return;
    this.#lists.unreachable.push({ device, what, reason });
  }

  #listSelectors(): void {
    const { name, device } = this.#source.instance;
    for (const selector of device.selectors) {
      if (selector.reach.length === 0 || this.#source.selectors[selector.index] !== -1) continue;
      const reason = "nothing observed says what it is";
      this.#lists.unknown.push({ device: name, register: `selector ${selector.name}`, reason });
    }
  }

  #listUnreachable(): void {
    for (const one of this.#source.instance.device.unreachable) this.#unreachable(one.what, one.why);
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
