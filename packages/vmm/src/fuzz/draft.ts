import {
  Classifier,
  guardAccepts,
  putField,
  type Guard,
  type Instance,
  type InstanceState,
  type Library,
  type Port,
  type Register,
} from "@portrait/classifier";
import { Navigator, UnreachableError, type PlanStep } from "@portrait/replayer";
import { BatchBuilder, opOf, type Width } from "@portrait/tracer";
import type { PortAccess } from "./accesses.ts";
import { deedsOf, guardsOf, NEIGHBOURS, waysTo, type Deed, type Way } from "./deeds.ts";
import type { Random } from "./random.ts";
import { valueFor, valueOf } from "./values.ts";

const RECORDED_RUN = 16;
/** Deeds before and after the one that a sequence is about, at the most. */
const DEEDS_AROUND = 2;
/** Writes that finish what a device waits for, at the most, and reads that take its answer away. */
const WAIT_LIMIT = 16;
const ANSWER = 10;
/** Deeds done to make another one possible, one for the other. */
const WAY_DEPTH = 5;
const NO_REASON = { from: [], why: "", risk: "safe" } as const;
const WIDTHS: readonly Width[] = [8, 16, 32];

/** A sequence being made, and what it has done to the devices so far. */
export class Draft {
  readonly accesses: PortAccess[] = [];
  readonly #classifier: Classifier;
  readonly #builder: BatchBuilder;
  readonly #states: readonly InstanceState[];
  readonly #recorded: readonly PortAccess[];
  readonly #random: Random;
  /** The device whose group of writes has begun. */
  #open: InstanceState | undefined;

  constructor(library: Library, instances: readonly Instance[], recorded: readonly PortAccess[], random: Random) {
    this.#classifier = new Classifier(library, { fromReset: true });
    this.#builder = new BatchBuilder((batch) => this.#classifier.feed(batch), { capacity: 2 });
    this.#states = this.#classifier.states.filter(({ instance }) => instances.includes(instance));
    this.#recorded = recorded;
    this.#random = random;
  }

  /** Knows what accesses before its own did. */
  goAfter(accesses: readonly PortAccess[]): void {
    for (const access of accesses) this.#feed(access);
  }

  /** Adds a few accesses. */
  addSome(): void {
    const random = this.#random;
    const open = this.#open;
    if (open !== undefined && random.chance(80)) return this.#goOn(open);
    const state = random.pick(this.#states);
    if (state === undefined) throw new Error("no device to make accesses to");
    const kind = random.below(100);
    if (this.#recorded.length > 0 && random.chance(25)) this.#addRecorded();
    else if (kind < 45) this.#reach(state);
    else if (kind < 70) this.#write(state, this.#writable(state));
    else if (kind < 82) this.#read(state);
    else if (kind < 90) this.#repeat();
    else this.#addAnything(state);
  }

  /** What one rule says, among other things that it has something in common with; then a look at the slots. */
  addDeeds(): void {
    const random = this.#random;
    const state = random.pick(this.#states);
    const all = state === undefined ? [] : deedsOf(state.instance.device);
    const main = random.pick(all);
    if (state === undefined || main === undefined) return;
    const around = () => {
      for (let left = random.below(DEEDS_AROUND + 1); left > 0; left--) {
        const isNear = random.pick(NEIGHBOURS);
        const other = random.pick(all.filter((one) => isNear?.(main, one)));
        if (other !== undefined) this.#do(state, { deed: other }, all, 0);
      }
    };
    around();
    this.#do(state, { deed: main }, all, 0);
    around();
    if (!random.chance(50)) return;
    for (const register of [...main.slots].flatMap(({ read }) => read)) {
      this.#follow(state, (navigator) => navigator.read(register, [], ""));
    }
  }

  /** Mostly gives devices what they wait for, as their selectors say, and takes their answers: nothing is compared while they do. */
  finish(): void {
    for (const state of this.#states) {
      if (this.#random.chance(20)) continue;
      for (let left = WAIT_LIMIT; left > 0 && this.#give(state); left--);
      for (const { read } of state.instance.device.drains) {
        if (!holds(state, read.readGuards) || this.#random.chance(50)) continue;
        for (let left = ANSWER; left > 0; left--) this.#push(this.#readOf(state, read));
      }
    }
  }

  /** Writes what a device waits for; false where it waits for nothing. */
  #give(state: InstanceState): boolean {
    const { quiet } = state.instance.device;
    const wait = quiet.find(({ kind, guards }) => kind === "selectors" && holds(state, guards));
    const asks = ({ writeGuards }: Register) =>
      wait?.guards.every(({ selector }) => writeGuards.some((guard) => guard.selector === selector));
    if (wait !== undefined) this.#write(state, this.#writable(state).filter(asks));
    return wait !== undefined;
  }

  /** Does a deed, and before it what makes it possible: by the description's own ways, or else by other deeds. */
  #do(state: InstanceState, { deed, put }: Way, all: readonly Deed[], depth: number): boolean {
    const { register, rule, direction } = deed;
    const guards = guardsOf(deed);
    const go = (navigator: Navigator) => {
      if (direction === "in") return void navigator.read(register, guards, "");
      const value = valueFor(state.instance.device, register, rule, this.#random);
      const written = put === undefined ? value : putField(put.field, value, put.value);
      navigator.write(register, written, this.#widthOf(register), guards, undefined, NO_REASON);
    };
    if (this.#follow(state, go)) return true;
    for (const guard of depth < WAY_DEPTH ? guards : []) {
      if (holds(state, [guard]) || this.#follow(state, (navigator) => navigator.reach([guard], "", 0))) continue;
      const way = this.#random.pick(waysTo(guard, all));
      if (way === undefined || !this.#do(state, way, all, depth + 1)) return false;
    }
    return this.#follow(state, go);
  }

  /** A register and the way to it. */
  #reach(state: InstanceState): void {
    const { device } = state.instance;
    const register = this.#random.pick(device.registers);
    if (register === undefined) return;
    if (register.access === "RO" || (register.access === "RW" && this.#random.chance(15))) {
      this.#follow(state, (navigator) => navigator.read(register, [], ""));
      return;
    }
    const rule = this.#random.pick(register.onWrite);
    const value = valueOf(device, register, rule, this.#random);
    const guards = this.#random.chance(70) ? (rule?.guards ?? []) : [];
    const way = (also: readonly Guard[]) => (navigator: Navigator) =>
      navigator.write(register, value, this.#widthOf(register), also, undefined, NO_REASON);
    if (!this.#follow(state, way(guards)) && !this.#follow(state, way([]))) this.#write(state, [register]);
    else this.#noteGroup(state, register);
  }

  /** Adds the steps that `go` makes; false where there is no way. */
  #follow(state: InstanceState, go: (navigator: Navigator) => unknown): boolean {
    const steps: PlanStep[] = [];
    try {
      go(new Navigator(state, steps, "source"));
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      return false;
    }
    for (const step of steps) {
      if (step.op === "drain") {
        this.#push({ direction: "in", port: step.status, width: 8, value: 0 });
        if (this.#random.chance(80)) this.#push({ direction: "in", port: step.port, width: 8, value: 0 });
      } else
        this.#push({
          direction: step.op,
          port: step.port,
          width: step.width,
          value: step.op === "out" ? step.value : 0,
        });
    }
    return true;
  }

  /** Registers that a write reaches as things stand. */
  #writable(state: InstanceState): readonly Register[] {
    return state.instance.device.registers.filter(
      ({ access, writeGuards }) => access !== "RO" && holds(state, writeGuards),
    );
  }

  #write(state: InstanceState, registers: readonly Register[]): void {
    const register = this.#random.pick(registers);
    if (register === undefined) return;
    const rules = register.onWrite.filter(({ guards }) => holds(state, guards));
    const value = valueOf(state.instance.device, register, this.#random.pick(rules), this.#random);
    this.#push({ direction: "out", port: addressOf(state, register.port), width: this.#widthOf(register), value });
    this.#noteGroup(state, register);
  }

  /** The next part of a group that has begun. */
  #goOn(state: InstanceState): void {
    this.#open = undefined;
    const next = this.#writable(state).filter((register) =>
      register.onWrite.some(({ part, guards }) => (part === "more" || part === "end") && holds(state, guards)),
    );
    this.#write(state, next);
  }

  #noteGroup(state: InstanceState, register: Register): void {
    const begins = register.onWrite.some(({ part }) => part === "begin" || part === "more");
    this.#open = begins ? state : undefined;
  }

  #read(state: InstanceState): void {
    const { registers } = state.instance.device;
    const register = this.#random.pick(
      registers.filter(({ access, readGuards }) => access !== "WO" && holds(state, readGuards)),
    );
    if (register !== undefined) this.#push(this.#readOf(state, register));
  }

  #readOf(state: InstanceState, register: Register): PortAccess {
    return { direction: "in", port: addressOf(state, register.port), width: this.#widthOf(register), value: 0 };
  }

  /** An earlier access once more, with another value or with its own. */
  #repeat(): void {
    const again = this.#random.pick(this.accesses);
    if (again === undefined) return;
    const value = this.#random.chance(50) ? again.value : (again.value ^ (1 << this.#random.below(again.width))) >>> 0;
    this.#push({ ...again, value: again.direction === "in" ? 0 : value });
  }

  /** A run of what a guest did, sometimes changed. */
  #addRecorded(): void {
    const from = this.#random.below(this.#recorded.length);
    for (const access of this.#recorded.slice(from, from + 1 + this.#random.below(RECORDED_RUN))) {
      if (this.#random.chance(6)) continue;
      const value = this.#random.chance(8) ? this.#random.bits(access.width) : access.value;
      this.#push({ ...access, value: access.direction === "in" ? 0 : value });
    }
  }

  #addAnything(state: InstanceState): void {
    const port = this.#random.pick(state.instance.device.ports);
    if (port === undefined) return;
    const width = this.#random.pick(this.#random.chance(85) ? port.widths : widthsAt(state, port)) ?? 8;
    const direction = this.#random.chance(70) ? "out" : "in";
    const value = direction === "in" ? 0 : this.#random.bits(width);
    this.#push({ direction, port: addressOf(state, port), width, value });
  }

  #push(access: PortAccess): void {
    this.accesses.push(access);
    this.#feed(access);
  }

  #feed(access: PortAccess): void {
    this.#builder.push(0, access.port, opOf(access.direction, access.width), access.value);
    this.#builder.flush();
  }

  #widthOf(register: Register): Width {
    return this.#random.pick(register.port.widths) ?? 8;
  }
}

function holds({ selectors }: InstanceState, guards: readonly Guard[]): boolean {
  return guards.every((guard) => guardAccepts(guard, selectors[guard.selector] ?? -1));
}

/**
 * Widths of aligned accesses that stay among the device's ports. Others are the bus's affair: what it splits, QEMU's memory core hands
 * whole to the first device.
 */
function widthsAt(state: InstanceState, port: Port): readonly Width[] {
  const { device, stride } = state.instance;
  const { offset } = port;
  const within = (lane: number) => device.ports.some((port) => port.offset * stride === offset * stride + lane);
  const aligned = (width: Width) => addressOf(state, port) % (width / 8) === 0;
  return WIDTHS.filter((width) => aligned(width) && Array.from({ length: width / 8 }, (_, lane) => lane).every(within));
}

/** Address of a port of a device that stands somewhere. */
function addressOf({ instance, whereabouts }: InstanceState, { offset }: Port): number {
  return ((whereabouts.base ?? 0) + offset * instance.stride) & 0xffff;
}
