import {
  heldValue,
  UNKNOWN,
  type Classifier,
  type InstanceState,
  type Register,
  type Slot,
} from "@portrait/classifier";
import { allOnes } from "@portrait/tracer";
import { exactly, Navigator, UnreachableError } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";

/** One register compared between what is known and what a machine shows. */
export interface ReadBackField {
  readonly device: string;
  /** Name of the slot, with its key where it has one. */
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

/** A slot of a device, of one key. */
interface SlotPlace {
  readonly state: InstanceState;
  readonly slot: Slot;
  readonly key: number;
}

/** A slot to be read, and the step whose value it gets. */
interface Reading extends SlotPlace {
  readonly keyValues: readonly number[];
  readonly register: Register;
  readonly step: number;
}

/**
 * Reads the source's readable registers into the classifier's knowledge: what was unknown becomes known, and what the device
 * changed by itself is taken as it is now. The machine must be stopped; its selectors are left as they were.
 * Gives the registers whose value was not the one the trace left. A device whose registers all read as ones is not there:
 * the guest only looked for it, and nothing is taken from it.
 */
export async function readSource(classifier: Classifier, target: PortTarget): Promise<ReadBackReport> {
  const { steps, readings } = readingSteps(classifier, { fromSource: true });
  const { values } = await carryOut(steps, target);
  const absent = absentDevices(readings, values);
  const different: ReadBackField[] = [];
  for (const reading of readings) {
    if (absent.has(reading.state)) continue;
    const actual = values.get(reading.step) ?? 0;
    const { status } = reading.state.slots.content(reading.slot, reading.key);
    const expected = expectedValue(reading);
    const mask = maskOf(reading);
    if (expected === undefined && status !== "unknown") continue;
    if (expected !== undefined && ((actual ^ expected) & mask) === 0) continue;
    if (expected !== undefined) different.push({ ...nameOf(reading), expected, actual, mask });
    reading.state.learn(reading.slot, reading.key, reading.register, actual, classifier.nextSeq, reading.keyValues);
  }
  return { checked: readings.length, different };
}

/** Devices that answered several reads, and each with all ones. */
function absentDevices(readings: readonly Reading[], values: ReadonlyMap<number, number>): Set<InstanceState> {
  const answers = new Map<InstanceState, boolean[]>();
  for (const { state, register, step } of readings) {
    const ones = values.get(step) === allOnes(register.port.widths[0] ?? 8);
    answers.set(state, [...(answers.get(state) ?? []), ones]);
  }
  const silent = [...answers].filter(([, ones]) => ones.length > 1 && ones.every(Boolean));
  return new Set(silent.map(([state]) => state));
}

/** Reads the target's readable registers after a plan and compares them with what the plan was made from. */
export async function verifyTarget(classifier: Classifier, target: PortTarget): Promise<ReadBackReport> {
  const { steps, readings } = readingSteps(classifier, { fromSource: false });
  const { values } = await carryOut(steps, target);
  const different: ReadBackField[] = [];
  let checked = 0;
  for (const reading of readings) {
    const expected = expectedValue(reading);
    if (expected === undefined) continue;
    checked++;
    const actual = values.get(reading.step) ?? 0;
    const mask = maskOf(reading);
    if (((actual ^ expected) & mask) !== 0) different.push({ ...nameOf(reading), expected, actual, mask });
  }
  return { checked, different };
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
    const key = slot.read === register && slot.lanes === undefined ? state.keyOf(slot) : UNKNOWN;
    const value = key === UNKNOWN ? undefined : expectedValue({ state, slot, key });
    return value === undefined ? [] : [{ slot, value, mask: maskOf({ state, slot, key }) }];
  });
}

/** Steps that read every readable slot the guest has used, and leave the selectors as the classifier knows them. */
function readingSteps(
  classifier: Classifier,
  options: { readonly fromSource: boolean },
): { steps: PlanStep[]; readings: Reading[] } {
  const steps: PlanStep[] = [];
  const readings: Reading[] = [];
  for (const state of classifier.states) {
    if (!state.touched && !(state.instance.always && options.fromSource)) continue;
    const navigator = new Navigator(state, steps, "source");
    for (const slot of state.instance.device.slots) readSlot(state, slot, navigator, readings, steps);
    navigator.leave(state.selectors);
  }
  return { steps, readings };
}

function readSlot(
  state: InstanceState,
  slot: Slot,
  navigator: Navigator,
  readings: Reading[],
  steps: PlanStep[],
): void {
  const register = slot.read;
  if (register === undefined || slot.never !== undefined || slot.lanes !== undefined) return;
  const read = (key: number, keyValues: readonly number[]) => {
    const before = { steps: steps.length, selectors: Int32Array.from(navigator.state.selectors) };
    try {
      const step = navigator.read(register, exactly(slot.key, keyValues), `reads ${slot.name} back`);
      readings.push({ state, slot, key, keyValues, register, step });
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      steps.length = before.steps;
      navigator.state.selectors.set(before.selectors);
    }
  };
  if (slot.key.length === 0) read(0, []);
  else {
    for (const [key, content] of state.slots.keys(slot)) {
      if (content.status === "known") read(key, content.closed[0]?.key ?? []);
    }
  }
}

function expectedValue({ state, slot, key }: SlotPlace): number | undefined {
  return heldValue(state.slots.content(slot, key));
}

function maskOf({ state, slot, key }: SlotPlace): number {
  const content = state.slots.content(slot, key);
  const keep = content.status === "known" ? (content.closed[0]?.keep ?? 0xffffffff) : 0xffffffff;
  return (keep & slot.compare) >>> 0;
}

function nameOf({ state, slot, key }: Reading): Pick<ReadBackField, "device" | "register"> {
  const register = slot.key.length === 0 ? slot.name : `${slot.name}[${key}]`;
  return { device: state.instance.name, register };
}
