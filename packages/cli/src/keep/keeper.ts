import {
  laneOf,
  type Classifier,
  type ClassifiedColumns,
  type Instance,
  type InstanceState,
  type Register,
  type Rule,
  type Slot,
  type SlotContent,
} from "@portrait/classifier";
import { isOut, type AccessBatch } from "@portrait/tracer";

/** Which accesses `portrait classify` keeps of those that are not all kept. */
export type KeptState = "write-only" | "state";

interface Always {
  readonly in: boolean;
  readonly out: boolean;
}

/**
 * Decides which accesses a classifier needs to know at the end of a trace what it knows now: those a slot refers to, those
 * that move a selector, those that touch a slot which is unknown at the end, those whose register could not be told, and those
 * through a window, which say where other devices are.
 */
export class Keeper {
  readonly #refers = new Set<number>();
  /** For each register of an instance, whether its reads and its writes are kept whatever the slots refer to. */
  readonly #always = new Map<Instance, readonly Always[]>();
  readonly #instances: readonly Instance[];

  /** `classifier` has seen the whole trace. `write-only` leaves out slots that can be read back from the device. */
  constructor(classifier: Classifier, keep: KeptState) {
    this.#instances = classifier.library.instances;
    for (const state of classifier.states) {
      const { slots, registers, windows } = state.instance.device;
      const counting = slots.filter(({ read }) => keep === "state" || read.length === 0);
      const unknown = new Set(counting.filter((slot) => this.#refer(state, slot)));
      this.#always.set(
        state.instance,
        registers.map((register) =>
          windows.some((window) => laneOf(window, register.port) !== undefined)
            ? { in: true, out: true }
            : alwaysKept(register, unknown),
        ),
      );
    }
  }

  /** True when the row is kept. */
  keeps(batch: AccessBatch, columns: ClassifiedColumns, row: number): boolean {
    if (this.#refers.has(batch.firstSeq + row)) return true;
    const direction = isOut(batch.op[row] ?? 0) ? "out" : "in";
    const several = columns.several.size === 0 ? undefined : columns.several.get(row);
    if (several === undefined) {
      const instance = this.#instances[(columns.instance[row] ?? 0) - 1];
      return instance !== undefined && this.#isAlwaysKept(instance, columns.register[row] ?? 0, direction);
    }
    return several.some(
      ({ instance, registers, contested }) =>
        contested ||
        registers.length !== 1 ||
        registers.some(({ index }) => this.#isAlwaysKept(instance, index, direction)),
    );
  }

  #isAlwaysKept(instance: Instance, register: number, direction: keyof Always): boolean {
    return this.#always.get(instance)?.[register]?.[direction] ?? false;
  }

  /** Takes the accesses a slot refers to; true when something of it is unknown. */
  #refer(state: InstanceState, slot: Slot): boolean {
    const contents =
      slot.key.length === 0
        ? [state.slots.content(slot, 0)]
        : [state.slots.rest(slot), ...[...state.slots.keys(slot)].map(([, content]) => content)];
    for (const content of contents) for (const seq of referredBy(content)) this.#refers.add(seq);
    return contents.some(({ status }) => status === "unknown");
  }
}

function referredBy(content: SlotContent): readonly number[] {
  switch (content.status) {
    case "reset":
      return [];
    case "known":
      return [...content.closed, ...content.open].map(({ seq }) => seq);
    case "unknown":
      return content.open.map(({ seq }) => seq);
    case "implied":
    case "none":
      return [content.cause];
  }
}

function alwaysKept(register: Register, unknown: ReadonlySet<Slot>): Always {
  const matters = (rule: Rule) =>
    rule.set.length > 0 ||
    rule.latch.length > 0 ||
    rule.add.length > 0 ||
    rule.drop.length > 0 ||
    [...rule.fill, ...[...rule.clear, ...rule.lose].map(({ slot }) => slot)].some((slot) => unknown.has(slot));
  return { in: register.onRead.some(matters), out: register.onWrite.some(matters) };
}
