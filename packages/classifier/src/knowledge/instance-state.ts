import { allOnes, type Width } from "@portrait/tracer";
import {
  cubesHold,
  fieldOf,
  guardAccepts,
  type Device,
  type Guard,
  type Instance,
  type Port,
  type Register,
  type Rule,
  type Slot,
  type Verdict,
} from "../description/model.ts";
import { CRITERIA, type Criterion } from "../select/criteria.ts";
import { SlotStore } from "./slot-store.ts";
import type { SlotWrite } from "./slot-content.ts";

/** Selector value that stands for "not known". */
export const UNKNOWN = -1;

const NO = 0;
const MAYBE = 1;
const YES = 2;
type Certainty = typeof NO | typeof MAYBE | typeof YES;

/** The writes that a write takes as its parameters, or why they are not known. */
type Parameters = readonly SlotWrite[] | string;
type Taken = ReadonlyMap<Slot, Parameters>;
const nothingTaken: Taken = new Map();

/** One access to one port of a device. `value` is undefined where it was not observed. */
export interface DeviceAccess {
  readonly port: Port;
  readonly out: boolean;
  readonly width: Width;
  readonly value: number | undefined;
  readonly seq: number;
  readonly part: number;
}

/** A device type's registers as accesses look for them. */
interface Registers {
  /** By port. */
  readonly cells: readonly { readonly in: readonly Register[]; readonly out: readonly Register[] }[];
  /** Those that move selectors. */
  readonly movers: ReadonlySet<Register>;
  /** Those whose writes take parameters. */
  readonly takers: ReadonlySet<Register>;
}

/** Worked out once for each device type, not for each classifier. */
const registersByDevice = new WeakMap<Device, Registers>();

function registersOf(device: Device): Registers {
  const known = registersByDevice.get(device);
  if (known !== undefined) return known;
  const moves = ({ set, latch, add }: Rule) => set.length + latch.length + add.length > 0;
  const takes = ({ fill }: Rule) => fill.some((slot) => slot.takes.length > 0);
  const made = {
    cells: device.ports.map((port) => {
      const here = device.registers.filter((register) => register.port === port);
      return { in: here.filter(({ access }) => access !== "WO"), out: here.filter(({ access }) => access !== "RO") };
    }),
    movers: new Set(device.registers.filter(({ onWrite, onRead }) => [...onWrite, ...onRead].some(moves))),
    takers: new Set(device.registers.filter(({ onWrite }) => onWrite.some(takes))),
  };
  registersByDevice.set(device, made);
  return made;
}

/** Where an instance's ports are, or why nowhere. */
export type Whereabouts = { readonly base: number } | { readonly base: undefined; readonly why: string };

/** What is known of one device instance: its selectors and its slots, brought forward access by access. */
export class InstanceState {
  readonly instance: Instance;
  readonly slots: SlotStore;
  /** Value of each selector, {@link UNKNOWN} where not known. */
  readonly selectors: Int32Array;
  /** True once an access reached it. */
  touched = false;
  /** Its registers stay what they are when the guest moves its ports. */
  whereabouts: Whereabouts;
  readonly #next: Int32Array;
  readonly #registers: Registers;

  /** `unknown`: why nothing is known at the start; undefined when the device comes out of reset. */
  constructor(instance: Instance, unknown: string | undefined) {
    this.instance = instance;
    const { device, place } = instance;
    this.whereabouts =
      place.kind === "fixed"
        ? { base: place.base }
        : { base: undefined, why: unknown ?? "the guest has not given it any" };
    this.slots = new SlotStore(device, unknown);
    this.selectors = new Int32Array(device.selectors.length).fill(UNKNOWN);
    this.#next = new Int32Array(device.selectors.length);
    if (unknown === undefined) for (const selector of device.selectors) this.selectors[selector.index] = selector.reset;
    this.#registers = registersOf(device);
  }

  /** Forgets everything, after accesses that were not observed. */
  lose(reason: string): void {
    this.selectors.fill(UNKNOWN);
    this.slots.loseAll(reason);
  }

  /**
   * Puts the registers the access may reach into `found` and gives their number; 0 when the port has none for this direction.
   * `without`: those it may reach for all that the other criteria say.
   */
  select(access: DeviceAccess, found: Register[], without?: Exclude<Criterion, "port">): number {
    if (without === "direction") return this.#selectBothWays(access, found);
    const cell = this.#registers.cells[access.port.index];
    if (cell === undefined) return 0;
    let count = 0;
    for (const register of access.out ? cell.out : cell.in) {
      const certainty = this.#fits(register, access, without);
      if (certainty === NO) continue;
      if (certainty === YES && without === undefined) {
        found[0] = register;
        return 1;
      }
      found[count++] = register;
    }
    return count;
  }

  #selectBothWays(access: DeviceAccess, found: Register[]): number {
    const count = this.select(access, found);
    const others: Register[] = [];
    this.select({ ...access, out: !access.out }, others);
    const more = others.filter((register) => !found.slice(0, count).includes(register));
    found.splice(count, found.length, ...more);
    return count + more.length;
  }

  #fits(register: Register, access: DeviceAccess, without: Criterion | undefined): Certainty {
    let result: Certainty = YES;
    if (access.out && register.cubes.length > 0 && without !== "data") {
      if (access.value === undefined) result = MAYBE;
      else if (!cubesHold(register.cubes, access.value)) return NO;
    }
    const guards = access.out ? register.writeGuards : register.readGuards;
    const certainty = this.#guardsHold(guards, without);
    return certainty < result ? certainty : result;
  }

  /** False where the guards do not hold; undefined where that is not known. */
  holds(guards: readonly Guard[]): boolean | undefined {
    const certainty = this.#guardsHold(guards);
    return certainty === MAYBE ? undefined : certainty === YES;
  }

  #guardsHold(guards: readonly Guard[], without?: Criterion): Certainty {
    let result: Certainty = YES;
    for (const guard of guards) {
      if (without !== undefined && this.instance.device.selectors[guard.selector]?.kind === without) continue;
      const value = this.selectors[guard.selector] ?? UNKNOWN;
      if (value === UNKNOWN) result = MAYBE;
      else if (!guardAccepts(guard, value)) return NO;
    }
    return result;
  }

  /** The criteria that decided which register the access reached, as bits of {@link CRITERIA}. Ask before {@link apply}. */
  criteria(access: DeviceAccess): number {
    const count = this.select(access, []);
    let bits = CRITERIA.port;
    for (const criterion of ["direction", "data", "state", "preceding"] as const) {
      if (this.select(access, [], criterion) > count) bits |= CRITERIA[criterion];
    }
    return bits;
  }

  /**
   * Carries out what the access does if it reaches one of `registers`, and gives its verdict. `contested`: another device
   * may have taken it instead.
   */
  apply(access: DeviceAccess, registers: readonly Register[], count: number, contested = false): Verdict {
    this.touched = true;
    const certain = count === 1 && !contested;
    const [first] = registers;
    if (certain && first !== undefined && !this.#registers.movers.has(first))
      return this.#applyRegister(access, first, certain);
    this.#next.set(this.selectors);
    let verdict: Verdict = access.out ? "command" : "read";
    for (let i = 0; i < count; i++) {
      const register = registers[i];
      if (register === undefined) continue;
      const own = this.#applyRegister(access, register, certain);
      verdict = i === 0 ? own : stronger(verdict, own);
    }
    if (!certain) this.#doubtSelectors(access, registers, count, contested);
    this.selectors.set(this.#next);
    return verdict;
  }

  #applyRegister(access: DeviceAccess, register: Register, certain: boolean): Verdict {
    let verdict: Verdict | undefined = access.out ? undefined : register.verdict === "transfer" ? "transfer" : "read";
    const taken = this.#registers.takers.has(register) ? this.#takenBy(access, register) : nothingTaken;
    for (const rule of access.out ? register.onWrite : register.onRead) {
      const holds = this.#ruleHolds(rule, access);
      if (holds === NO) continue;
      this.#applySlots(access, register, rule, certain && holds === YES, taken);
      if (certain) this.#applySelectors(access, rule, holds === YES);
      if (access.out && (rule.verdict !== undefined || rule.fill.length > 0)) {
        const own = rule.verdict ?? "state";
        verdict = verdict === undefined ? own : stronger(verdict, own);
      }
    }
    return verdict ?? register.verdict ?? "command";
  }

  #ruleHolds(rule: Rule, access: DeviceAccess): Certainty {
    let result: Certainty = YES;
    if (rule.cubes.length > 0) {
      if (access.value === undefined) result = MAYBE;
      else if (!cubesHold(rule.cubes, access.value)) return NO;
    }
    const guards = this.#guardsHold(rule.guards);
    return guards < result ? guards : result;
  }

  #applySlots(access: DeviceAccess, register: Register, rule: Rule, certain: boolean, taken: Taken): void {
    for (const { slot, reason } of rule.lose) this.slots.lose(slot, reason);
    for (const { slot, value } of rule.clear) {
      if (certain) this.slots.clear(slot, value, access.seq);
      else this.slots.lose(slot, `access ${access.seq} may have cleared it`);
    }
    for (const slot of rule.drop)
      this.slots.drop(slot, access.seq, certain ? undefined : `access ${access.seq} may have broken it off`);
    for (const slot of rule.fill) this.#fill(slot, access, register, rule, certain, taken.get(slot));
    if (rule.learn !== undefined && certain && access.value !== undefined) this.#learn(rule.learn, access, register);
  }

  #fill(
    slot: Slot,
    access: DeviceAccess,
    register: Register,
    rule: Rule,
    certain: boolean,
    taken: Parameters | undefined,
  ): void {
    const key = this.keyOf(slot);
    if (key === UNKNOWN) {
      this.slots.lose(slot, `access ${access.seq} wrote to a key that is not known`);
      return;
    }
    const lanes = slot.lanes === undefined ? 1 : access.width / 8;
    const first = slot.lanes === undefined ? key : key * 4 + access.port.offset - slot.lanes.offset;
    for (let lane = 0; lane < lanes; lane++) {
      // A byte of which nothing is kept is another slot's.
      if (slot.lanes !== undefined && ((rule.keep >>> (8 * lane)) & 0xff) === 0) continue;
      if (!certain) this.slots.loseKey(slot, first + lane, `access ${access.seq} may have changed it`);
      else if (access.value === undefined)
        this.slots.loseKey(slot, first + lane, `the value of access ${access.seq} was not observed`);
      else if (typeof taken === "string") this.slots.loseKey(slot, first + lane, taken);
      else
        this.slots.fill(slot, first + lane, rule.part, this.#write(slot, access, register, rule, access.value), taken);
    }
  }

  /** The parameters of each slot that a write to the register fills, as they are before it. */
  #takenBy(access: DeviceAccess, register: Register): Taken {
    const filled = register.onWrite.flatMap((rule) => rule.fill);
    return new Map(filled.map((slot) => [slot, this.#parameters(slot, access)]));
  }

  #parameters(slot: Slot, access: DeviceAccess): Parameters {
    const taken: SlotWrite[] = [];
    for (const one of slot.takes) {
      const content = this.slots.content(one, 0);
      if (content.status === "unknown") return `its parameter ${one.name} is not known: ${content.reason}`;
      if (content.status === "none") return `its parameter ${one.name} was not written since access ${content.cause}`;
      const last = content.status === "known" ? content.closed.at(-1) : undefined;
      if (last !== undefined) taken.push({ ...last, takenBy: access.seq });
    }
    return taken;
  }

  #write(slot: Slot, access: DeviceAccess, register: Register, rule: Rule, value: number): SlotWrite {
    return {
      seq: access.seq,
      part: access.part,
      register,
      width: access.width,
      value,
      keep: rule.keep,
      with: rule.with,
      drain: rule.drain,
      guards: rule.guards,
      key: slot.key.map((selector) => this.selectors[selector.index] ?? UNKNOWN),
      takenBy: undefined,
      read: false,
    };
  }

  /** Takes a read value for a slot nothing is known of. */
  #learn(slot: Slot, access: DeviceAccess, register: Register): void {
    const key = this.keyOf(slot);
    if (key === UNKNOWN || slot.lanes !== undefined) return;
    if (this.slots.content(slot, key).status === "unknown") {
      const values = slot.key.map((selector) => this.selectors[selector.index] ?? UNKNOWN);
      this.learn(slot, key, register, access.value ?? 0, access.seq, values);
    }
  }

  /**
   * Takes a value read from the device as the slot's content. `keyValues` are the selectors the key is made of; `part` tells
   * values apart that were read together.
   */
  learn(
    slot: Slot,
    key: number,
    from: Register,
    value: number,
    seq: number,
    keyValues: readonly number[],
    part = 0,
  ): void {
    const accepts = (guards: readonly Guard[]) =>
      slot.key.every(({ index }, i) =>
        guards.every((guard) => guard.selector !== index || guardAccepts(guard, keyValues[i] ?? UNKNOWN)),
      );
    const filling = (one: Register) => one.onWrite.find((rule) => rule.fill.includes(slot) && accepts(rule.guards));
    const fills = (one: Register) => accepts(one.writeGuards) && filling(one) !== undefined;
    const register = fills(from) ? from : (this.instance.device.registers.find(fills) ?? from);
    const rule = filling(register);
    const width = register.port.widths[0] ?? 8;
    this.slots.fill(slot, key, "whole", {
      seq,
      part,
      register,
      width,
      value,
      keep: rule?.keep ?? allOnes(width),
      with: rule?.with ?? 0,
      drain: rule?.drain,
      guards: rule?.guards ?? [],
      key: keyValues,
      takenBy: undefined,
      read: true,
    });
  }

  /** Key of a slot or window in the present selector state; 0 for a slot without one, {@link UNKNOWN} where a selector is. */
  keyOf({ key: selectors }: Pick<Slot, "key">): number {
    let key = 0;
    for (const selector of selectors) {
      const value = this.selectors[selector.index] ?? UNKNOWN;
      if (value === UNKNOWN) return UNKNOWN;
      key = key * selector.size + value;
    }
    return key;
  }

  #applySelectors(access: DeviceAccess, rule: Rule, certain: boolean): void {
    for (const { selector, value } of rule.set)
      this.#next[selector] = certain || this.#next[selector] === value ? value : UNKNOWN;
    for (const { selector, field } of rule.latch) {
      if (!access.out && this.selectors[selector] !== UNKNOWN) continue;
      this.#next[selector] = certain && access.value !== undefined ? fieldOf(field, access.value) : UNKNOWN;
    }
    for (const { selector, amount } of rule.add) {
      const value = this.selectors[selector] ?? UNKNOWN;
      const size = this.instance.device.selectors[selector]?.size ?? 1;
      this.#next[selector] = certain && value !== UNKNOWN ? (((value + amount) % size) + size) % size : UNKNOWN;
    }
  }

  /**
   * After an access that may have reached several registers, or none where it was contested: a selector is known only if
   * all agree on it.
   */
  #doubtSelectors(access: DeviceAccess, registers: readonly Register[], count: number, contested: boolean): void {
    const before = Int32Array.from(this.selectors);
    const agreed = new Map<number, number>(contested ? before.entries() : []);
    for (let i = 0; i < count; i++) {
      const register = registers[i];
      if (register === undefined) continue;
      this.#next.set(before);
      for (const rule of access.out ? register.onWrite : register.onRead) {
        const holds = this.#ruleHolds(rule, access);
        if (holds !== NO) this.#applySelectors(access, rule, holds === YES);
      }
      this.#next.forEach((value, selector) => {
        const others = agreed.get(selector);
        agreed.set(selector, others === undefined || others === value ? value : UNKNOWN);
      });
    }
    for (const [selector, value] of agreed) this.#next[selector] = value;
  }
}

/** The verdict that says more about the access, where several parts or registers have one each. */
export function stronger(a: Verdict, b: Verdict): Verdict {
  const order: readonly Verdict[] = ["state", "transfer", "command", "read", "unknown"];
  return order.indexOf(a) <= order.indexOf(b) ? a : b;
}
