import {
  guardAccepts,
  heldValue,
  InstanceState,
  putField,
  UNKNOWN,
  type Advance,
  type DeviceAccess,
  type Drain,
  type Guard,
  type Instance,
  type Port,
  type Reach,
  type Register,
  type Selector,
  type Slot,
  type Step,
} from "@portrait/classifier";
import type { Width } from "@portrait/tracer";
import type { Expected, PlanStep, PlanStepReason } from "./plan.ts";
import { portionsTo } from "./portions.ts";

/** Selectors reached while reaching others, at the most. */
const DEPTH_LIMIT = 6;
/** Rounds over the selectors of one register until all of them stand right. */
const ROUND_LIMIT = 6;

/** What a step says of itself, where it goes without saying whose it is. */
type Reason = Omit<PlanStepReason, "device" | "register">;

/** A register or selector that no step brings to the value asked for. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly code = "UNREACHABLE";
}

/** Writes steps for one device instance, knowing at each point what its selectors are. */
export class Navigator {
  /** The device as the steps so far leave it. */
  readonly state: InstanceState;
  readonly #source: InstanceState;
  readonly #steps: PlanStep[];

  /** Appends to `steps`. The device's selectors start as `at` says: not known, but for those that nothing has moved on a fresh device, or as the source has them. */
  constructor(source: InstanceState, steps: PlanStep[], at: "unknown" | "source") {
    this.state = new InstanceState(source.instance, "not written by the plan");
    if (at === "source") this.state.selectors.set(source.selectors);
    else
      for (const one of source.instance.device.selectors.filter(onlyCounts))
        this.state.selectors[one.index] = one.reset;
    this.#source = source;
    this.#steps = steps;
  }

  get #instance(): Instance {
    return this.state.instance;
  }

  /**
   * Writes a register, after reaching it. A key among `guards` comes first: the way to it often brings the rest along.
   * @throws UnreachableError
   */
  write(
    register: Register,
    value: number,
    width: Width,
    guards: readonly Guard[],
    drain: Drain | undefined,
    reason: Reason,
  ): void {
    this.reach([...guards, ...register.writeGuards], register.name, 0);
    this.#emit(register, { op: "out", port: this.#address(register.port), width, value }, reason);
    this.#advance(register.port, true, width, value);
    if (drain !== undefined) this.#drain(drain);
  }

  /**
   * Brings a slot on from its reset value to one that portions lead to; other registers hold something else meanwhile.
   * @throws UnreachableError
   */
  advance(slot: Slot, advance: Advance, value: number, reason: Reason): void {
    const portions = portionsTo(value - (slot.reset ?? 0), advance);
    if (portions === undefined) throw new UnreachableError(`nothing brings ${slot.name} on to ${value}`);
    if (portions.length === 0) return;
    const lent = advance.meanwhile.map(({ register, slot: other, value: meanwhile }) => {
      const back = heldValue(this.#source.slots.content(other, 0));
      if (back === undefined) throw new UnreachableError(`what ${other.name} gets back is not known`);
      return { register, meanwhile, back };
    });
    const write = (register: Register, written: number, why: string) =>
      this.write(register, written, register.port.widths[0] ?? 8, [], undefined, { ...reason, why });
    this.reach(slot.guards, slot.name, 0);
    for (const { register, meanwhile } of lent) write(register, meanwhile, `while ${slot.name} is brought on`);
    portions.forEach((portion, i) => {
      const one = advance.writes[i % advance.writes.length];
      if (one !== undefined) write(one.register, putField(one.put, 0, portion), reason.why);
    });
    for (const { register, back } of lent) write(register, back, `as it was before ${slot.name} was brought on`);
  }

  /**
   * Takes steps that a description lists.
   * @throws UnreachableError
   */
  take(steps: readonly Step[], reason: Reason): void {
    for (const step of steps) this.#perform(step, 0, reason, 0);
  }

  /**
   * Reads a register, which must give the bits expected, after reaching it; gives the position of the step.
   * @throws UnreachableError
   */
  read(register: Register, guards: readonly Guard[], why: string, expect?: Expected): number {
    this.reach([...guards, ...register.readGuards], register.name, 0);
    const width = register.port.widths[0] ?? 8;
    const operation = { op: "in", port: this.#address(register.port), width, expect } as const;
    this.#emit(register, operation, { from: [], why, risk: "safe" });
    this.#advance(register.port, false, width, undefined);
    return this.#steps.length - 1;
  }

  /**
   * Reads whatever register the port stands for once the guards hold, which must give the bits expected; gives the position of
   * the step.
   * @throws UnreachableError
   */
  readPort(port: Port, guards: readonly Guard[], why: string, expect?: Expected): number {
    const register = this.#registerAt(port, false, undefined, guards);
    const width = port.widths[0] ?? 8;
    this.#emit(register, { op: "in", port: this.#address(port), width, expect }, { from: [], why, risk: "safe" });
    this.#advance(port, false, width, undefined);
    return this.#steps.length - 1;
  }

  /**
   * Writes whatever register the port stands for once the guards hold.
   * @throws UnreachableError
   */
  writePort(port: Port, guards: readonly Guard[], value: number, why: string): void {
    const register = this.#registerAt(port, true, value, guards);
    const width = port.widths[0] ?? 8;
    this.#emit(register, { op: "out", port: this.#address(port), width, value }, { from: [], why, risk: "safe" });
    this.#advance(port, true, width, value);
  }

  #registerAt(port: Port, out: boolean, value: number | undefined, guards: readonly Guard[]): Register {
    this.reach(guards, port.name, 0);
    const found: Register[] = [];
    const count = this.state.select(this.#access(port, out, port.widths[0] ?? 8, value), found);
    const [register] = found;
    if (register === undefined || count !== 1) throw new UnreachableError(`no register at ${port.name} can be told`);
    return register;
  }

  /**
   * Brings selectors to values the guards accept.
   * @throws UnreachableError where one has no way there.
   */
  reach(guards: readonly Guard[], purpose: string, depth: number): void {
    for (let round = 0; round < ROUND_LIMIT; round++) {
      const open = guards.filter((guard) => !this.#holds(guard));
      if (open.length === 0) return;
      for (const guard of open) if (!this.#holds(guard)) this.#reachOne(guard, purpose, depth);
    }
    throw new UnreachableError(`${purpose} needs selectors that exclude each other`);
  }

  /** Takes steps, or none of them: undefined where one cannot be taken, with everything as it was before. */
  attempt<T>(take: () => T): T | undefined {
    const before = { steps: this.#steps.length, selectors: Int32Array.from(this.state.selectors) };
    try {
      return take();
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      this.#steps.length = before.steps;
      this.state.selectors.set(before.selectors);
      return undefined;
    }
  }

  /** Brings every selector to the source's value; gives those that could not be, by name. */
  leave(source: Int32Array): string[] {
    const failed: string[] = [];
    for (let round = 0; round < ROUND_LIMIT; round++) {
      failed.length = 0;
      let moved = false;
      for (const selector of this.#instance.device.selectors) {
        const value = source[selector.index] ?? UNKNOWN;
        if (value === UNKNOWN || this.state.selectors[selector.index] === value) continue;
        try {
          this.#reachOne({ selector: selector.index, ranges: [[value, value]] }, "", 0);
          moved = true;
        } catch (error) {
          if (!(error instanceof UnreachableError)) throw error;
          failed.push(selector.name);
        }
      }
      if (!moved) break;
    }
    return failed;
  }

  #holds(guard: Guard): boolean {
    const value = this.state.selectors[guard.selector] ?? UNKNOWN;
    return value !== UNKNOWN && guardAccepts(guard, value);
  }

  #reachOne(guard: Guard, purpose: string, depth: number): void {
    const selector = this.#instance.device.selectors[guard.selector];
    if (selector === undefined) return;
    for (const reach of [...selector.reach].sort((a, b) => this.#effort(a) - this.#effort(b))) {
      const value = this.#pick(guard, selector, reach.to);
      if (value === undefined) continue;
      if (depth >= DEPTH_LIMIT) break;
      this.reach(reach.guards, purpose, depth + 1);
      const to = `${selector.name} = ${selector.values?.[value] ?? value}`;
      const why = purpose === "" ? `leaves ${to} as the guest had it` : `reaches ${purpose}: ${to}`;
      for (const step of reach.steps) this.#perform(step, value, { from: [], why, risk: "safe" }, depth + 1);
      return;
    }
    const known = this.state.selectors[selector.index] !== UNKNOWN;
    if (known || !guardAccepts(guard, selector.reset)) {
      throw new UnreachableError(`${selector.name} cannot be brought to the value ${purpose} needs`);
    }
    this.state.selectors[selector.index] = selector.reset;
  }

  /** A way that exists already comes before one that has to be made, and that before one that has to be made of another. */
  #effort({ guards }: Reach): number {
    const efforts = guards.map((guard) => {
      if (this.#holds(guard)) return 0;
      return this.state.selectors[guard.selector] === UNKNOWN ? 1 : 2;
    });
    return Math.max(0, ...efforts);
  }

  /** The smallest value that guard and way both accept. */
  #pick(guard: Guard, selector: Selector, to: Guard | undefined): number | undefined {
    for (const [lo, hi] of guard.ranges) {
      if (to === undefined) return lo;
      for (const [from, until] of to.ranges) if (from <= hi && until >= lo) return Math.max(from, lo);
    }
    return guard.ranges.length === 0 ? selector.reset : undefined;
  }

  #perform(step: Step, value: number, reason: Reason, depth: number): void {
    if ("read" in step) {
      this.reach(step.read.readGuards, step.read.name, depth);
      const width = step.read.port.widths[0] ?? 8;
      this.#emit(step.read, { op: "in", port: this.#address(step.read.port), width }, reason);
      this.#advance(step.read.port, false, width, undefined);
      return;
    }
    const { write } = step;
    this.reach(write.writeGuards, write.name, depth);
    const base = step.value ?? this.#held(write) ?? write.cubes[0]?.bits ?? 0;
    const written = step.put === undefined ? base : putField(step.put, base, value);
    const width = write.port.widths[0] ?? 8;
    this.#emit(write, { op: "out", port: this.#address(write.port), width, value: written }, reason);
    this.#advance(write.port, true, width, written);
    if (step.drain !== undefined) this.#drain(step.drain);
  }

  /** What the source's slots say the register holds. */
  #held(register: Register): number | undefined {
    for (const rule of register.onWrite) {
      for (const slot of rule.fill) {
        const value = slot.key.length === 0 ? heldValue(this.#source.slots.content(slot, 0)) : undefined;
        if (value !== undefined) return value;
      }
    }
    return undefined;
  }

  #drain(drain: Drain): void {
    this.#steps.push({
      op: "drain",
      status: this.#address(drain.while.port),
      mask: drain.mask,
      busy: drain.busy,
      port: this.#address(drain.read.port),
      width: drain.read.port.widths[0] ?? 8,
      limit: drain.limit,
      device: this.#instance.name,
      register: drain.read.name,
      from: [],
      why: "reads the answer away",
      risk: "safe",
    });
  }

  #address(port: Port): number {
    const { whereabouts } = this.#source;
    if (whereabouts.base === undefined) throw new UnreachableError(`it has no ports: ${whereabouts.why}`);
    return (whereabouts.base + port.offset * this.#instance.stride) & 0xffff;
  }

  #emit(
    register: Register,
    operation:
      | { op: "out"; port: number; width: Width; value: number }
      | { op: "in"; port: number; width: Width; expect?: Expected | undefined },
    reason: Reason,
  ): void {
    this.#steps.push({ ...operation, device: this.#instance.name, register: register.name, ...reason });
  }

  #advance(port: Port, out: boolean, width: Width, value: number | undefined): void {
    const access = this.#access(port, out, width, value);
    const found: Register[] = [];
    const count = this.state.select(access, found);
    this.state.apply(access, found, count);
  }

  #access(port: Port, out: boolean, width: Width, value: number | undefined): DeviceAccess {
    return { port, out, width, value, seq: this.#steps.length - 1, part: 0 };
  }
}

/** True when there is no way to a value of it, or only from another one: nothing on a fresh device has moved it from where it is after reset. */
function onlyCounts({ index, reach }: Selector): boolean {
  return reach.every(({ guards }) => guards.some(({ selector }) => selector === index));
}

/** Guards that hold only for these values of these selectors. */
export function exactly(selectors: readonly Selector[], values: readonly number[]): Guard[] {
  return selectors.map((selector, i) => ({ selector: selector.index, ranges: [[values[i] ?? 0, values[i] ?? 0]] }));
}
