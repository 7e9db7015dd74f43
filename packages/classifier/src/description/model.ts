import type { Width } from "@portrait/tracer";

/** A set of values: those with `value & mask === bits`. */
export interface Cube {
  readonly mask: number;
  readonly bits: number;
}

/** Holds when the selector's value lies in one of the ranges (inclusive pairs `[lo, hi]`). */
export interface Guard {
  readonly selector: number;
  readonly ranges: readonly (readonly [lo: number, hi: number])[];
}

/** A run of bits of a register's value, `high` ≥ `low`. */
export interface Field {
  readonly name: string;
  readonly high: number;
  readonly low: number;
}

/** A port of a device type, `offset` from its base; an access of one of `widths` reaches it whole, a wider one is split. */
export interface Port {
  readonly index: number;
  readonly name: string;
  readonly offset: number;
  readonly widths: readonly Width[];
}

/**
 * One access of a reach sequence. `put`: the field that takes the selector's value. `value` undefined: what the register's
 * slot holds, so that reaching a selector changes nothing beside it; failing that, the fixed bits of its pattern.
 */
export type Step =
  | {
      readonly write: Register;
      readonly value: number | undefined;
      readonly put: Field | undefined;
      readonly drain: Drain | undefined;
    }
  | { readonly read: Register };

/** A way to bring a selector to a value. */
export interface Reach {
  /** Values this way serves; undefined: any. */
  readonly to: Guard | undefined;
  /** What other selectors must be for this way to exist. */
  readonly guards: readonly Guard[];
  readonly steps: readonly Step[];
}

/** What decides between registers at one port. Values are 0 … size-1. */
export interface Selector {
  readonly index: number;
  readonly name: string;
  /** `state`: criterion 4; `preceding`: criterion 5. */
  readonly kind: "state" | "preceding";
  readonly size: number;
  /** Names of the values, where they have names. */
  readonly values: readonly string[] | undefined;
  readonly reset: number;
  readonly reach: readonly Reach[];
}

/**
 * Answers to be read away: while `while & mask` is not 0, read `read`, at most `limit` times. A status with bits of `busy` is
 * asked for again first.
 */
export interface Drain {
  readonly name: string;
  readonly while: Register;
  readonly mask: number;
  readonly busy: number;
  readonly read: Register;
  readonly limit: number;
}

/** How much harm a replayed write can do. */
export type Risk = "safe" | "care" | "danger";

/**
 * How a slot that no write fills is brought on from its reset value: by what makes the device move it, in portions. Each write of
 * `put` with a portion moves it on by the portion and `more`.
 */
export interface Advance {
  /** The registers written, one after the other, and the field of each that takes a portion. */
  readonly writes: readonly { readonly register: Register; readonly put: Field }[];
  readonly least: number;
  readonly most: number;
  /** Portions are multiples of it. */
  readonly unit: number;
  readonly more: number;
  /** What other registers hold while it is brought on, and the slots whose content they get back. */
  readonly meanwhile: readonly { readonly register: Register; readonly slot: Slot; readonly value: number }[];
}

/** What a write leaves behind. */
export interface Slot {
  readonly index: number;
  readonly name: string;
  readonly title: string | undefined;
  /** Selectors whose values tell keyed slots apart; empty: one slot. */
  readonly key: readonly Selector[];
  /** All keys there are, where the description lists them; what is known of each is told on its own. */
  readonly keys: readonly number[] | undefined;
  /** Port of lane 0: each byte of an access is a key of its own, 4 to a value of `key`; undefined: whole values. */
  readonly lanes: Port | undefined;
  /** Value after reset, where it has one. */
  readonly reset: number | undefined;
  readonly rank: number;
  readonly order: number;
  /** Why plans leave it out. */
  readonly never: string | undefined;
  readonly why: string | undefined;
  readonly risk: Risk;
  /** Registers that read it back without side effects, one for each write it holds, oldest first; empty: none does. */
  readonly read: readonly Register[];
  readonly compare: number;
  /** True when a group's parts have their effect as they are written, so that one its own beginning breaks off is kept. */
  readonly keepsBrokenOff: boolean;
  /** How many of the last complete writes it holds: 1 unless each write pushes the one before further in. */
  readonly depth: number;
  /** Slots whose last writes are its writes' parameters: they come back right before it. */
  readonly takes: readonly Slot[];
  /** What selectors must be while a plan brings it back. */
  readonly guards: readonly Guard[];
  /** Undefined: writes fill it. */
  readonly advance: Advance | undefined;
  /** True when something else is in it while another slot is brought on, so that its content must be known even where nobody wrote it. */
  readonly lent: boolean;
}

/** What an access means: see the words in docs/architecture.md. */
export type Verdict = "state" | "command" | "transfer" | "read" | "unknown";

/** One effect of an access, applied when its patterns and guards hold before the access. */
export interface Rule {
  readonly cubes: readonly Cube[];
  readonly guards: readonly Guard[];
  readonly set: readonly { readonly selector: number; readonly value: number }[];
  readonly latch: readonly { readonly selector: number; readonly field: Field }[];
  readonly add: readonly { readonly selector: number; readonly amount: number }[];
  readonly fill: readonly Slot[];
  readonly part: "whole" | "begin" | "more" | "end";
  readonly keep: number;
  readonly with: number;
  readonly clear: readonly { readonly slot: Slot; readonly value: number | undefined }[];
  readonly lose: readonly { readonly slot: Slot; readonly reason: string }[];
  /** Slots of which what is half done is broken off, and had no effect. */
  readonly drop: readonly Slot[];
  readonly learn: Slot | undefined;
  readonly drain: Drain | undefined;
  readonly verdict: Verdict | undefined;
}

/** What an access can reach. */
export interface Register {
  readonly index: number;
  readonly name: string;
  readonly title: string | undefined;
  readonly access: "RO" | "WO" | "RW";
  readonly port: Port;
  /** Patterns of written data; empty: any. */
  readonly cubes: readonly Cube[];
  readonly readGuards: readonly Guard[];
  readonly writeGuards: readonly Guard[];
  readonly fields: readonly Field[];
  readonly verdict: Verdict | undefined;
  /** Why a write to it is never part of a plan. */
  readonly never: string | undefined;
  readonly onWrite: readonly Rule[];
  readonly onRead: readonly Rule[];
}

/** Bits of the dword at an offset of a window's page. */
export interface WindowBits {
  readonly at: number;
  readonly mask: number;
}

/**
 * Bytes behind a port, in which places of other devices are programmed: `lanes` and the three bytes after it are the dword
 * number `key`. A page is what belongs to one device.
 */
export interface Window {
  readonly name: string;
  readonly key: readonly [Selector];
  readonly lanes: Port;
  readonly guards: readonly Guard[];
  readonly pageBytes: number;
}

/** How an instance's place follows from a page of a window. */
export interface Binding {
  /** Name of the window, in whatever description it stands. */
  readonly to: string;
  /** What the page shows when it is read, where the device stands behind it. */
  readonly shows: readonly (WindowBits & { readonly is: number })[];
  /** Where the page says; a number where it is always there. */
  readonly base: WindowBits | number;
  /** The instance whose ports these are while this one is not there: this one is what it was taken for. */
  readonly insteadOf: string | undefined;
  /** Decodes while one of these bits is 1; undefined: always. */
  readonly enabled: WindowBits | undefined;
  /** From the base that was programmed to the instance's own. */
  readonly offset: number;
}

/** Where an instance's ports are: where the PC has them, or where the guest puts them. */
export type Place =
  | { readonly kind: "fixed"; readonly base: number; readonly aliases: readonly number[] }
  | { readonly kind: "bound"; readonly binding: Binding };

/** One device of a type, at its ports. */
export interface Instance {
  readonly name: string;
  readonly device: Device;
  readonly place: Place;
  readonly stride: number;
  /** Line of the interrupt controllers that it asks on, 0 to 15; undefined where the description does not say. */
  readonly irq: number | undefined;
  readonly always: boolean;
  readonly title: string | undefined;
}

/** How the ports answer where no such device is: `read` shows one of `values`. */
export interface Absent {
  readonly read: Register;
  readonly values: readonly number[];
}

/** How a device shows, to reads without side effects or by its selectors, that it is busy with what no plan brings back. */
export type Quiet = QuietBits | QuietValues | QuietRing | QuietSelectors;

/** What says that it is busy. */
interface QuietEntry {
  /** Selectors with which this is so; with others it is not looked at. */
  readonly guards: readonly Guard[];
  /** True where it does not count while the instance's interrupt is pending and is made so again. */
  readonly unlessInterrupt: boolean;
  readonly why: string;
}

/** It is busy while the register has one of these bits. */
export interface QuietBits extends QuietEntry {
  readonly kind: "bits";
  readonly read: Register;
  readonly mask: number;
  /** Slot without whose same bit a bit does not count: it enables the interrupt for it. Undefined: all of them count. */
  readonly enabledBy: Slot | undefined;
}

/** It is busy while the register shows a value in one of the ranges. */
export interface QuietValues extends QuietEntry {
  readonly kind: "values";
  readonly read: Register;
  readonly ranges: readonly (readonly [lo: number, hi: number])[];
}

/** It keeps something for the guest in a ring of its own memory while the place where the next goes is not behind the last that was taken. */
export interface QuietRing extends QuietEntry {
  readonly kind: "ring";
  readonly next: Register;
  readonly taken: Register;
  /** Slots of the ring's first place, and of the place behind its last. */
  readonly first: Slot;
  readonly end: Slot;
}

/** It is busy while its selectors are so. */
export interface QuietSelectors extends QuietEntry {
  readonly kind: "selectors";
}

/**
 * How the interrupt that a device asks for is made pending again, once the interrupt controllers are as they were; or without steps, what becomes
 * of a device as another one on its line asks again.
 */
export interface Interrupt {
  /** What selectors must be. */
  readonly guards: readonly Guard[];
  /** What registers must show to reads without side effects: at the source, and at the destination afterwards. */
  readonly shows: readonly { readonly read: Register; readonly mask: number; readonly is: number }[];
  readonly steps: readonly Step[];
  /** Slots that this changes, and that are brought back once more. */
  readonly again: readonly Slot[];
  readonly why: string;
}

/** Fields of an engine's own state dump. */
export interface DumpField {
  /** `*` stands for any run of characters. */
  readonly path: string;
  /** The bits concerned; undefined: all. */
  readonly mask: number | undefined;
  /** The value at the source that is concerned; undefined: any. */
  readonly from: number | undefined;
}

/** State no port write restores. */
export interface Unreachable {
  readonly what: string;
  readonly why: string;
  /** A guest that uses the device cannot go on where this differs. */
  readonly needed: boolean;
  /** Per engine, the fields of its own state dump. */
  readonly fields: Readonly<Record<string, readonly DumpField[]>>;
}

/** A device type: a description, checked and with every name resolved. */
export interface Device {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly order: number;
  readonly ports: readonly Port[];
  readonly selectors: readonly Selector[];
  readonly slots: readonly Slot[];
  readonly registers: readonly Register[];
  readonly drains: readonly Drain[];
  readonly instances: readonly Instance[];
  readonly absent: Absent | undefined;
  readonly windows: readonly Window[];
  readonly quiet: readonly Quiet[];
  /** Ways to make its interrupt pending again; the first that fits is taken. */
  readonly interrupts: readonly Interrupt[];
  readonly unreachable: readonly Unreachable[];
  readonly notModelled: readonly { readonly what: string; readonly why: string }[];
}

/** Which byte of a window's dword a port is; undefined where it is none. */
export function laneOf({ lanes }: Window, port: Port): number | undefined {
  const lane = port.offset - lanes.offset;
  return lane >= 0 && lane < 4 ? lane : undefined;
}

/** The bits of its page that say where an instance's ports are. */
export function placeOf({ base, enabled }: Binding): WindowBits[] {
  return [...(typeof base === "number" ? [] : [base]), ...(enabled === undefined ? [] : [enabled])];
}

/** True when one of the cubes holds the value; no cubes hold every value. */
export function cubesHold(cubes: readonly Cube[], value: number): boolean {
  if (cubes.length === 0) return true;
  for (const cube of cubes) if ((value & cube.mask) >>> 0 === cube.bits) return true;
  return false;
}

/** True when the guard accepts the selector value. */
export function guardAccepts(guard: Guard, value: number): boolean {
  for (const [lo, hi] of guard.ranges) if (value >= lo && value <= hi) return true;
  return false;
}

/** The field's bits of a value. */
export function fieldOf(field: Field, value: number): number {
  const width = field.high - field.low + 1;
  return width === 32 ? value >>> 0 : (value >>> field.low) & ((1 << width) - 1);
}

/** `value` with the field's bits replaced. */
export function putField(field: Field, value: number, bits: number): number {
  const width = field.high - field.low + 1;
  const mask = width === 32 ? 0xffffffff : ((1 << width) - 1) << field.low;
  return ((value & ~mask) | ((bits << field.low) & mask)) >>> 0;
}
