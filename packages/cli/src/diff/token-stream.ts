import { directionOf, isOut, isString, widthOf, type Direction, type StringAccess, type Width } from "@portrait/tracer";
import type { ClassifiedBatch } from "../input/classified-trace.ts";
import type { Tokens } from "./myers.ts";

/** Tokens a stream looks ahead. */
export const WINDOW = 4096;

/** What a token stands for. */
export interface TokenAccess {
  /** The access, or the first of those folded into one. */
  readonly seq: number;
  readonly direction: Direction;
  readonly port: number;
  readonly width: Width;
  readonly value: number;
  /** 1 + position of the instance in the library, 0 where nothing covers it; and the register's position. */
  readonly instance: number;
  readonly register: number;
}

/** Kind of a token that gives the element count of a string access whose data was not observed. */
const UNOBSERVED = 0b1000;

/** Columns of the tokens ahead; `value` is the token itself, a number of 52 bits. */
interface Columns {
  readonly token: Float64Array;
  readonly seq: Float64Array;
  readonly value: Uint32Array;
  readonly instance: Uint16Array;
  readonly register: Uint16Array;
}

/**
 * A trace as numbers that are equal where accesses are: op, port and value, without time. A string access gives one for
 * each element. Unless `exact`, values read are left out and reads of one port in a row are one token.
 */
export class TokenStream implements Tokens {
  readonly #batches: AsyncGenerator<ClassifiedBatch, void, undefined>;
  readonly #exact: boolean;
  readonly #columns: Columns = {
    token: new Float64Array(2 * WINDOW),
    seq: new Float64Array(2 * WINDOW),
    value: new Uint32Array(2 * WINDOW),
    instance: new Uint16Array(2 * WINDOW),
    register: new Uint16Array(2 * WINDOW),
  };
  #length = 0;
  #current: ClassifiedBatch | undefined;
  #row = 0;
  #element = 0;
  #latest = -1;
  #endSeq = 0;

  constructor(batches: AsyncGenerator<ClassifiedBatch, void, undefined>, options: { readonly exact: boolean }) {
    this.#batches = batches;
    this.#exact = options.exact;
  }

  get values(): Float64Array {
    return this.#columns.token;
  }

  /** Tokens ahead. */
  get length(): number {
    return this.#length;
  }

  /** Sequence number of the token `index` ahead; the number after the last access where there is none. */
  seqAt(index: number): number {
    return index < this.#length ? (this.#columns.seq[index] ?? 0) : this.#endSeq;
  }

  /** What the token `index` ahead stands for. */
  access(index: number): TokenAccess {
    const { token, seq, value, instance, register } = this.#columns;
    const kind = Math.floor((token[index] ?? 0) / 2 ** 32);
    return {
      seq: seq[index] ?? 0,
      direction: directionOf(kind & 7),
      port: (kind >>> 4) & 0xffff,
      width: widthOf(kind & 7),
      value: value[index] ?? 0,
      instance: instance[index] ?? 0,
      register: register[index] ?? 0,
    };
  }

  /** Looks ahead as far as it goes: {@link WINDOW} tokens, fewer only at the end. */
  async fill(): Promise<void> {
    while (this.#length < WINDOW) {
      if (this.#current === undefined || this.#row >= this.#current.batch.length) {
        const next = await this.#batches.next();
        if (next.done === true) return;
        this.#current = next.value;
        this.#row = 0;
        this.#endSeq = next.value.batch.firstSeq + next.value.batch.length;
      }
      this.#takeRow(this.#current);
    }
  }

  /** Leaves the first `count` tokens behind. */
  drop(count: number): void {
    for (const column of Object.values(this.#columns)) column.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  #takeRow(current: ClassifiedBatch): void {
    const { batch } = current;
    const op = batch.op[this.#row] ?? 0;
    const string = isString(op) ? batch.strings.find(({ index }) => index === this.#row) : undefined;
    const value = batch.value[this.#row] ?? 0;
    if (string === undefined) this.#put(current, op & 7, value);
    else if (string.payload === undefined) {
      this.#put(current, op & 7, value);
      if (string.count > 1) this.#put(current, (op & 7) | UNOBSERVED, string.count >>> 0);
    } else if (this.#takeElement(current, op & 7, string, string.payload)) return;
    this.#row++;
  }

  /** Takes one element of a string access; true while there are more. */
  #takeElement(current: ClassifiedBatch, kind: number, { count }: StringAccess, payload: Uint8Array): boolean {
    const bytes = widthOf(kind) / 8;
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = ((value << 8) | (payload[this.#element * bytes + i] ?? 0)) >>> 0;
    this.#put(current, kind, value);
    this.#element++;
    if (this.#element < count) return true;
    this.#element = 0;
    return false;
  }

  #put({ batch, columns }: ClassifiedBatch, kind: number, value: number): void {
    const compared = this.#exact || isOut(kind) || (kind & UNOBSERVED) !== 0 ? value : 0;
    const token = ((batch.port[this.#row] ?? 0) * 16 + kind) * 2 ** 32 + compared;
    if (!this.#exact && !isOut(kind) && token === this.#latest) return;
    this.#latest = token;
    const at = this.#length++;
    this.#columns.token[at] = token;
    this.#columns.seq[at] = batch.firstSeq + this.#row;
    this.#columns.value[at] = value;
    this.#columns.instance[at] = columns.instance[this.#row] ?? 0;
    this.#columns.register[at] = columns.register[this.#row] ?? 0;
  }
}
