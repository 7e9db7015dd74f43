import { isOut, isString, widthOf, type AccessBatch, type Direction, type Width } from "@portrait/tracer";
import { Bindings, type Recognition } from "./bind/bindings.ts";
import { PortMap } from "./bind/port-map.ts";
import type { Instance, Register, Verdict } from "./description/model.ts";
import { adoptAnchor, readAnchor, seenIn, writeAnchor } from "./knowledge/anchor.ts";
import { InstanceState, stronger, type DeviceAccess } from "./knowledge/instance-state.ts";
import type { Library, PortClaim } from "./library.ts";
import type { Criterion } from "./select/criteria.ts";

/**
 * One thing an access reached. Several where it was split over registers, or could not be told; elements of a string
 * instruction that reached the same are one.
 */
export interface Reached {
  readonly instance: Instance;
  /** More than one: it may have been any of them. */
  readonly registers: readonly Register[];
  readonly verdict: Verdict;
  /** True where the guest has put another device at the same port: it may have been that one instead. */
  readonly contested: boolean;
  /** The part of the access that reached it. */
  readonly width: Width;
  readonly value: number;
  /** Bits of `CRITERIA`; 0 unless asked for. */
  readonly criteria: number;
}

/** One access, as {@link Classifier.candidates} is asked about it. */
export interface AccessInQuestion {
  readonly direction: Direction;
  readonly port: number;
  readonly width: Width;
  /** Undefined where it was not observed. */
  readonly value: number | undefined;
}

/** A register that an access may reach, and the instance it is of. */
export interface Candidate {
  readonly instance: Instance;
  readonly register: Register;
}

/** Verdicts as the column of {@link ClassifiedColumns} holds them. */
export const VERDICTS: readonly Verdict[] = ["unknown", "read", "command", "transfer", "state"];
const UNKNOWN_VERDICT = 0;

/** Unobserved elements of a string instruction that are followed one by one. */
const UNOBSERVED_LIMIT = 65_536;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The classification of a batch, row by row. Each column holds at least the batch's length. */
export interface ClassifiedColumns {
  /** 1 + position in {@link Library.instances}; 0 where no description covers the access. */
  readonly instance: Uint16Array;
  /** Position in the device's registers. */
  readonly register: Uint16Array;
  /** Position in {@link VERDICTS}. */
  readonly verdict: Uint8Array;
  /** Bits of `CRITERIA`; left out where nobody asks, which is faster. */
  readonly criteria?: Uint8Array;
  /** Rows that reached more than one thing, or a thing that could not be told. Emptied for each batch. */
  readonly several: Map<number, readonly Reached[]>;
}

/** Columns for batches of up to `capacity` accesses. */
export function classifiedColumns(capacity: number, options: { readonly criteria: boolean }): ClassifiedColumns {
  return {
    instance: new Uint16Array(capacity),
    register: new Uint16Array(capacity),
    verdict: new Uint8Array(capacity),
    ...(options.criteria && { criteria: new Uint8Array(capacity) }),
    several: new Map(),
  };
}

/**
 * Works out which register each access reaches and what is known of every register, from batches as they come.
 * Holds selectors and knowledge only: its memory does not grow with the trace.
 */
export class Classifier {
  readonly library: Library;
  /** What is known of each instance of the library, in its order. */
  readonly states: readonly InstanceState[];
  /** Accesses seen so far, without those that prepared the machine and have negative numbers. */
  accesses = 0;
  /** Sequence number that comes after all accesses seen so far. */
  nextSeq = 0;
  readonly #ports: PortMap;
  readonly #bindings: Bindings;
  readonly #access: Mutable<DeviceAccess> | undefined;
  readonly #found: Register[] = [];

  /** `fromReset`: the first access is the machine's first after power-on, so that reset values hold. */
  constructor(library: Library, options: { readonly fromReset: boolean }) {
    this.library = library;
    const unknown = options.fromReset ? undefined : "the trace begins after the machine was started";
    this.states = library.instances.map((instance) => new InstanceState(instance, unknown));
    this.#ports = new PortMap(library);
    this.#bindings = new Bindings(library, this.states, this.#ports, unknown);
    const port = library.instances[0]?.device.ports[0];
    this.#access = port && { port, out: false, width: 8, value: 0, seq: 0, part: 0 };
  }

  /** Takes the next batch, up to but not including row `end`; fills `columns` where given. */
  feed(batch: AccessBatch, columns?: ClassifiedColumns, end = batch.length): void {
    columns?.several.clear();
    if (batch.anchor !== undefined) this.#adopt(batch.anchor);
    let gap = 0;
    for (let row = 0; row < end; row++) {
      while ((batch.gaps[gap]?.index ?? Infinity) <= row) this.lose(batch.gaps[gap++]?.reason ?? "");
      this.#classify(batch, row, columns);
    }
    while (end === batch.length && gap < batch.gaps.length) this.lose(batch.gaps[gap++]?.reason ?? "");
    if (batch.firstSeq >= 0) this.accesses += end;
    this.nextSeq = batch.firstSeq + end;
  }

  /** What is known now, for {@link AccessBatch.anchor}: from there on, a classifier that saw nothing before knows the same. */
  anchor(): string {
    return writeAnchor(this.states, this.#bindings.seen(), this.accesses);
  }

  #adopt(text: string): void {
    const anchor = readAnchor(text);
    if (anchor === undefined) {
      this.lose("the trace's anchor cannot be read");
      return;
    }
    this.accesses = anchor.accesses;
    this.#bindings.adopt(seenIn(anchor), "not observed: the trace's anchor does not say where it is");
    adoptAnchor(this.states, anchor);
  }

  /** Everything becomes unknown: accesses were made that were not observed. */
  lose(reason: string): void {
    for (const state of this.states) state.lose(`not observed: ${reason}`);
    this.#bindings.lose(`not observed: ${reason}`);
  }

  /** The instances that the guest's reads showed behind a window, and where in it. */
  recognitions(): Recognition[] {
    return this.#bindings.recognitions();
  }

  /**
   * The registers that an access made now may reach, one when all is known; `without`: those it may reach if that criterion
   * were not looked at. None for an access that no port takes whole.
   */
  candidates(access: AccessInQuestion, without?: Criterion): Candidate[] {
    const claims = without === "port" ? this.#everyPort() : (this.#ports.claims(access.port) ?? []);
    return claims.flatMap(({ instance, port }) => {
      const state = this.states[instance];
      if (state === undefined || !port.widths.includes(access.width)) return [];
      const found: Register[] = [];
      const { direction, width, value } = access;
      const one: DeviceAccess = { port, out: direction === "out", width, value, seq: this.nextSeq, part: 0 };
      const count = state.select(one, found, without === "port" ? undefined : without);
      return found.slice(0, count).map((register) => ({ instance: state.instance, register }));
    });
  }

  #everyPort(): Pick<PortClaim, "instance" | "port">[] {
    return this.library.instances.flatMap(({ device }, instance) => device.ports.map((port) => ({ instance, port })));
  }

  #classify(batch: AccessBatch, row: number, columns: ClassifiedColumns | undefined): void {
    const op = batch.op[row] ?? 0;
    const port = batch.port[row] ?? 0;
    const claims = this.#ports.claims(port);
    const width = widthOf(op);
    const contested = this.#ports.contested(port, width / 8);
    const claim = claims === undefined || contested ? undefined : onlyOne(claims, width);
    if (claim !== undefined && !isString(op)) {
      this.#reachOne(claim, batch, row, columns);
    } else if (claims === undefined && width === 8) {
      if (columns !== undefined) this.#put(columns, row, 0, 0, UNKNOWN_VERDICT, 0);
    } else this.#reachSeveral(batch, row, columns);
  }

  #put(
    columns: ClassifiedColumns,
    row: number,
    instance: number,
    register: number,
    verdict: number,
    criteria: number,
  ): void {
    columns.instance[row] = instance;
    columns.register[row] = register;
    columns.verdict[row] = verdict;
    if (columns.criteria !== undefined) columns.criteria[row] = criteria;
  }

  /** The common case: a plain access to one port of one device. */
  #reachOne(claim: PortClaim, batch: AccessBatch, row: number, columns: ClassifiedColumns | undefined): void {
    const access = this.#access;
    const state = this.states[claim.instance];
    if (access === undefined || state === undefined) return;
    const op = batch.op[row] ?? 0;
    access.port = claim.port;
    access.out = isOut(op);
    access.width = widthOf(op);
    access.value = batch.value[row] ?? 0;
    access.seq = batch.firstSeq + row;
    access.part = 0;
    if (claim.window !== undefined) this.#bindings.observe(claim, access);
    const count = state.select(access, this.#found);
    const criteria = columns?.criteria === undefined || count === 0 ? 0 : state.criteria(access);
    const verdict = count === 0 ? "unknown" : state.apply(access, this.#found, count);
    if (columns === undefined) return;
    this.#put(columns, row, claim.instance + 1, this.#found[0]?.index ?? 0, VERDICTS.indexOf(verdict), criteria);
    if (count === 1) return;
    const registers = this.#found.slice(0, count);
    const { width, value } = access;
    columns.several.set(row, [
      { instance: state.instance, registers, verdict, contested: false, width, value, criteria },
    ]);
  }

  /** An access that is split over ports, shared by devices, or repeated by a string instruction. */
  #reachSeveral(batch: AccessBatch, row: number, columns: ClassifiedColumns | undefined): void {
    const reached: Reached[] = [];
    const op = batch.op[row] ?? 0;
    const wantCriteria = columns?.criteria !== undefined;
    const element = (value: number | undefined, part: number) =>
      this.#reachPart(
        batch.port[row] ?? 0,
        isOut(op),
        widthOf(op),
        value,
        batch.firstSeq + row,
        part,
        wantCriteria,
        reached,
      );
    const string = isString(op) ? batch.strings.find((one) => one.index === row) : undefined;
    if (string?.payload !== undefined) {
      const bytes = widthOf(op) / 8;
      for (let i = 0; i < string.count; i++) element(valueAt(string.payload, i * bytes, bytes), i * bytes);
    } else {
      element(batch.value[row] ?? 0, 0);
      this.#repeatUnobserved((string?.count ?? 1) - 1, reached, (i) => element(undefined, (i * widthOf(op)) / 8));
    }
    if (columns === undefined) return;
    const first = reached[0];
    const instance = first === undefined ? 0 : this.library.instances.indexOf(first.instance) + 1;
    const verdict = reached.reduce<Verdict>((best, one) => stronger(best, one.verdict), "unknown");
    this.#put(columns, row, instance, first?.registers[0]?.index ?? 0, VERDICTS.indexOf(verdict), first?.criteria ?? 0);
    const plain = reached.length === 1 && first?.registers.length === 1 && !first.contested;
    if (first !== undefined && !plain) columns.several.set(row, reached);
  }

  /** Elements of a string instruction of which only the first was observed: each has the effect of any value. */
  #repeatUnobserved(count: number, reached: readonly Reached[], element: (i: number) => void): void {
    for (let i = 1; i <= count; i++) {
      const states = [...new Set(reached.map(({ instance }) => this.states[this.library.instances.indexOf(instance)]))];
      const before = states.map((state) => state?.selectors.join());
      if (i > UNOBSERVED_LIMIT) {
        for (const state of states) state?.lose(`a string instruction of ${count + 1} elements was not observed`);
        return;
      }
      element(i);
      // What left the selectors as they were does the same again.
      if (states.every((state, j) => state?.selectors.join() === before[j])) return;
    }
  }

  /**
   * Reaches the ports that take the whole width; where none does, or it is not sure that they do, the halves on their own, low
   * first. `doubted`: the whole may have been taken.
   */
  #reachPart(
    address: number,
    out: boolean,
    width: Width,
    value: number | undefined,
    seq: number,
    part: number,
    wantCriteria: boolean,
    reached: Reached[],
    doubted = false,
  ): void {
    const claims = this.#ports.claims(address & 0xffff)?.filter((claim) => claim.port.widths.includes(width)) ?? [];
    const contested = doubted || this.#ports.contested(address, width / 8);
    for (const claim of claims) {
      const state = this.states[claim.instance];
      if (state === undefined) continue;
      const access: DeviceAccess = { port: claim.port, out, width, value, seq, part };
      const found: Register[] = [];
      if (claim.window !== undefined) this.#bindings.observe(claim, access);
      const count = state.select(access, found);
      if (count === 0) continue;
      const criteria = wantCriteria ? state.criteria(access) : 0;
      const verdict = state.apply(access, found, count, contested);
      const registers = found.slice(0, count);
      if (reached.some((one) => one.instance === state.instance && sameRegisters(one.registers, registers))) continue;
      reached.push({ instance: state.instance, registers, verdict, contested, width, value: value ?? 0, criteria });
    }
    if ((claims.length > 0 && !contested) || width === 8) return;
    const half: Width = width === 32 ? 16 : 8;
    const bytes = half / 8;
    const low = value === undefined ? undefined : (value & (2 ** half - 1)) >>> 0;
    const high = value === undefined ? undefined : value >>> half;
    const taken = claims.length > 0;
    this.#reachPart(address, out, half, low, seq, part, wantCriteria, reached, taken);
    this.#reachPart(address + bytes, out, half, high, seq, part + bytes, wantCriteria, reached, taken);
  }
}

/** The claim that takes an access of the width whole; undefined where none or several do. */
function onlyOne(claims: readonly PortClaim[], width: Width): PortClaim | undefined {
  let only: PortClaim | undefined;
  for (const claim of claims) {
    if (!claim.port.widths.includes(width)) continue;
    if (only !== undefined) return undefined;
    only = claim;
  }
  return only;
}

function sameRegisters(a: readonly Register[], b: readonly Register[]): boolean {
  return a.length === b.length && a.every((register, i) => register === b[i]);
}

function valueAt(payload: Uint8Array, offset: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = ((value << 8) | (payload[offset + i] ?? 0)) >>> 0;
  return value;
}
