import {
  heldValue,
  keptValue,
  UNKNOWN,
  type Classifier,
  type InstanceState,
  type Register,
  type Slot,
} from "@portrait/classifier";
import { allOnes } from "@portrait/tracer";
import { exactly, Navigator } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";
import { missing, probe, type Probes } from "./presence.ts";

/** One register compared between what is known and what a machine shows. */
export interface ReadBackField {
  readonly device: string;
  /** Its name, with the key of its slot where it has one. */
  readonly register: string;
  readonly expected: number;
  readonly actual: number;
  /** Bits that were compared. */
  readonly mask: number;
}

/** Outcome of reading back every register that can be read without side effects. */
export interface ReadBackReport {
  readonly checked: number;
  readonly different: readonly ReadBackField[];
}

/** A register that was read at the source. */
export interface SourceRead {
  readonly device: string;
  /** Its name, with the key of its slot where it has one. */
  readonly register: string;
  readonly value: number;
  /** What the trace left in it; undefined where the trace does not tell. */
  readonly expected: number | undefined;
  /** True where the value differs from what the trace left, in the bits that are comparable: the device moved it by itself. */
  readonly moved: boolean;
}

/** A slot of a device, of one key. */
interface SlotPlace {
  readonly state: InstanceState;
  readonly slot: Slot;
  readonly key: number;
}

/** A slot to be read, and the step whose value it gets. */
interface Reading extends SlotPlace {
  readonly keyValues: readonly number[];
  /** Position of the step that reads each of the slot's registers. */
  readonly steps: readonly number[];
}

/** What is to be read, and the steps that do. */
interface Readings {
  readonly steps: PlanStep[];
  readonly readings: Reading[];
  readonly probes: Probes;
}

/**
 * Reads the source's readable registers into the classifier's knowledge: what was unknown becomes known, and what the device
 * changed by itself is taken as it is now. The machine must be stopped; its selectors are left as they were.
 * Gives what was read. A device whose registers all read as ones is not there: the guest only looked for it, and nothing is taken from it.
 */
export async function readSource(classifier: Classifier, target: PortTarget): Promise<readonly SourceRead[]> {
  const reading = readingSteps(classifier, { fromSource: true });
  const { values } = await carryOut(reading.steps, target);
  const absent = silentOrMissing(reading, values);
  return reading.readings.flatMap((one) => {
    if (absent.has(one.state)) return [];
    const reads = sourceReads(one, values);
    if (reads.some(({ moved }) => moved) || hasMoreToShow(one)) {
      const { state, slot, key, keyValues } = one;
      slot.read.forEach((register, i) => {
        state.learn(slot, key, register, reads[i]?.value ?? 0, classifier.nextSeq, keyValues, i);
      });
    }
    return reads;
  });
}

/** What the slot's registers showed, beside what they should. */
function sourceReads(reading: Reading, values: ReadonlyMap<number, number>): SourceRead[] {
  const { state, slot, steps } = reading;
  const mask = maskOf(reading);
  return expectedValues(reading).map((expected, i) => {
    const value = values.get(steps[i] ?? -1) ?? 0;
    const register = nameOf(reading, slot.read[i]);
    const moved = expected !== undefined && ((value ^ expected) & mask) !== 0;
    return { device: state.instance.name, register, value, expected, moved };
  });
}

/** Devices that say they are not there, or that answered several reads, each with all ones. */
function silentOrMissing({ readings, probes }: Readings, values: ReadonlyMap<number, number>): Set<InstanceState> {
  const answers = new Map<InstanceState, boolean[]>();
  for (const { state, slot, steps } of readings) {
    const ones = slot.read.map(({ port }, i) => values.get(steps[i] ?? -1) === allOnes(port.widths[0] ?? 8));
    answers.set(state, [...(answers.get(state) ?? []), ...ones]);
  }
  const silent = [...answers].filter(([, ones]) => ones.length > 1 && ones.every(Boolean)).map(([state]) => state);
  return new Set([...silent, ...missing(probes, values)]);
}

/** Reads the target's readable registers after a plan and compares them with what the plan was made from. */
export async function verifyTarget(classifier: Classifier, target: PortTarget): Promise<ReadBackReport> {
  const { steps, readings, probes } = readingSteps(classifier, { fromSource: false });
  const { values } = await carryOut(steps, target);
  const absent = new Set(missing(probes, values));
  const known = readings.filter((one) => !absent.has(one.state) && expectedValues(one).some((v) => v !== undefined));
  return { checked: known.length, different: known.flatMap((one) => differences(one, values)) };
}

/** What a register that is read now shows, as far as a slot that it reads back is known. */
export interface ExpectedRead {
  readonly slot: Slot;
  readonly value: number;
  /** Bits that are comparable. */
  readonly mask: number;
}

/** What a read of the register must give in the state it is in. */
export function expectedReads(state: InstanceState, register: Register): ExpectedRead[] {
  return state.instance.device.slots.flatMap((slot) => {
    const place = slot.read.indexOf(register);
    const key = place >= 0 && slot.lanes === undefined ? state.keyOf(slot) : UNKNOWN;
    const value = key === UNKNOWN ? undefined : expectedValues({ state, slot, key })[place];
    return value === undefined ? [] : [{ slot, value, mask: maskOf({ state, slot, key }) }];
  });
}

/** Steps that read every readable slot the guest has used, and leave the selectors as the classifier knows them. */
function readingSteps(classifier: Classifier, options: { readonly fromSource: boolean }): Readings {
  const all: Readings = { steps: [], readings: [], probes: new Map() };
  const { steps, readings, probes } = all;
  for (const state of classifier.states) {
    if (!state.touched && !(state.instance.always && options.fromSource)) continue;
    const navigator = new Navigator(state, steps, "source");
    probe(state, navigator, probes);
    for (const slot of state.instance.device.slots) readSlot(state, slot, navigator, readings);
    navigator.leave(state.selectors);
  }
  return all;
}

function readSlot(state: InstanceState, slot: Slot, navigator: Navigator, readings: Reading[]): void {
  if (slot.read.length === 0 || slot.never !== undefined || slot.lanes !== undefined) return;
  const read = (key: number, keyValues: readonly number[]) => {
    const guards = exactly(slot.key, keyValues);
    const readOne = (register: Register) => navigator.read(register, guards, `reads ${slot.name} back`);
    const steps = navigator.attempt(() => slot.read.map(readOne));
    if (steps !== undefined) readings.push({ state, slot, key, keyValues, steps });
  };
  if (slot.key.length === 0) read(0, []);
  else if (slot.keys !== undefined) for (const key of slot.keys) read(key, [key]);
  else {
    for (const [key, content] of state.slots.keys(slot)) {
      if (content.status === "known") read(key, content.closed[0]?.key ?? []);
    }
  }
}

/** What the slot's registers should show; undefined where that is not known. */
function expectedValues({ state, slot, key }: SlotPlace): readonly (number | undefined)[] {
  const content = state.slots.content(slot, key);
  if (slot.depth === 1) return slot.read.map(() => heldValue(content));
  const held = content.status === "known" ? content.closed.map(keptValue) : [];
  return slot.read.map((_, i) => held[held.length - slot.read.length + i]);
}

/** True when the device shows what the trace does not tell: the whole slot, or a write that another one pushed further in. */
function hasMoreToShow(reading: SlotPlace): boolean {
  const { state, slot, key } = reading;
  const content = state.slots.content(slot, key);
  const { status } = content;
  if (slot.depth > 1) return status !== "reset" && expectedValues(reading).includes(undefined);
  return status === "unknown" || status === "none" || (slot.lent && heldValue(content) === undefined);
}

/** The registers that do not show what they should. */
function differences(reading: Reading, values: ReadonlyMap<number, number>): ReadBackField[] {
  const mask = maskOf(reading);
  return sourceReads(reading, values).flatMap(({ device, register, value, expected, moved }) =>
    moved && expected !== undefined ? [{ device, register, expected, actual: value, mask }] : [],
  );
}

function maskOf({ state, slot, key }: SlotPlace): number {
  const content = state.slots.content(slot, key);
  const keep = content.status === "known" ? (content.closed[0]?.keep ?? 0xffffffff) : 0xffffffff;
  return (keep & slot.compare) >>> 0;
}

/** The slot's name; of one that several registers show, the register's. */
function nameOf({ slot, key }: SlotPlace, register: Register | undefined): string {
  const name = slot.read.length > 1 ? (register?.name ?? slot.name) : slot.name;
  return slot.key.length === 0 ? name : `${name}[${key}]`;
}
