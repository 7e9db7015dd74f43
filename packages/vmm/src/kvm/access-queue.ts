import { opOf, type Direction, type Op } from "@portrait/tracer";
import { KvmError } from "./errors.ts";
import type { Field, PioFormat } from "./ring-format.ts";

const FIRST_CAPACITY = 1024;

/** Accesses lost before one of a queue; `count` undefined where the kernel does not say how many. */
export interface Loss {
  readonly index: number;
  readonly count: number | undefined;
}

/** One CPU's accesses on their way from the kernel's pages into the order of all CPUs. */
export class AccessQueue {
  /** Index of the first access that waits, and of the next to come. */
  head = 0;
  tail = 0;
  time = new Float64Array(FIRST_CAPACITY);
  thread = new Int32Array(FIRST_CAPACITY);
  port = new Uint16Array(FIRST_CAPACITY);
  op = new Uint8Array(FIRST_CAPACITY);
  value = new Uint32Array(FIRST_CAPACITY);
  count = new Uint32Array(FIRST_CAPACITY);
  #losses: Loss[] = [];

  /** Time of the first access that waits; Infinity where none does. */
  get nextTime(): number {
    return this.head < this.tail ? (this.time[this.head] ?? 0) : Infinity;
  }

  /** Appends what an entry at `at` of a page shows, if it is one of an access. @throws KvmError `PAGE` where it shows none there can be */
  push(time: number, page: Buffer, at: number, length: number, format: PioFormat): void {
    const number = ({ offset, size }: Field) => page.readUIntLE(at + offset, size);
    if (length < format.type.offset + format.type.size || number(format.type) !== format.id) return;
    if (length < format.length) throw notAnAccess(`${length} bytes`);
    if (this.tail === this.time.length) this.#grow();
    const port = number(format.port);
    const count = number(format.count);
    if (port > 0xffff || count === 0) throw notAnAccess(`port ${port}, count ${count}`);
    const row = this.tail++;
    this.time[row] = Math.max(0, time);
    this.thread[row] = number(format.pid);
    this.port[row] = port;
    this.op[row] = opOfSize(number(format.rw) === 0 ? "in" : "out", number(format.size));
    this.value[row] = number(format.value);
    this.count[row] = count;
  }

  /** Says that accesses were lost before the one at `index`. */
  lose(index: number, count: number | undefined): void {
    this.#losses.push({ index, count });
  }

  /** True where accesses were lost before the first that waits, or, where none does, at the end. */
  get lostHere(): boolean {
    return this.#losses.length > 0 && this.#losses.some(({ index }) => index <= this.head);
  }

  /** Takes out what was lost there. */
  takeLosses(): readonly Loss[] {
    if (this.#losses.length === 0) return this.#losses;
    const taken = this.#losses.filter(({ index }) => index <= this.head);
    if (taken.length > 0) this.#losses = this.#losses.filter(({ index }) => index > this.head);
    return taken;
  }

  /** Gives the room of what was taken out to what is to come. */
  tidy(): void {
    const { head, tail } = this;
    if (tail - head > head) return;
    for (const column of [this.time, this.thread, this.port, this.op, this.value, this.count])
      column.copyWithin(0, head, tail);
    this.#losses = this.#losses.map(({ index, count }) => ({ index: index - head, count }));
    this.head = 0;
    this.tail = tail - head;
  }

  #grow(): void {
    const larger = <T extends { set(from: T): void }>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const capacity = 2 * this.time.length;
    this.time = larger(this.time, new Float64Array(capacity));
    this.thread = larger(this.thread, new Int32Array(capacity));
    this.port = larger(this.port, new Uint16Array(capacity));
    this.op = larger(this.op, new Uint8Array(capacity));
    this.value = larger(this.value, new Uint32Array(capacity));
    this.count = larger(this.count, new Uint32Array(capacity));
  }
}

function opOfSize(direction: Direction, size: number): Op {
  switch (size) {
    case 1:
      return opOf(direction, 8);
    case 2:
      return opOf(direction, 16);
    case 4:
      return opOf(direction, 32);
    default:
      throw notAnAccess(`size ${size}`);
  }
}

function notAnAccess(what: string): KvmError {
  return new KvmError("PAGE", `the kernel shows an access as there is none: ${what}`);
}
