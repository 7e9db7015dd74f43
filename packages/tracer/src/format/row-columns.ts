import { isString } from "../access.ts";
import type { AccessBatch } from "../batch.ts";
import { CHUNK_ACCESSES } from "../limits.ts";
import { MAX_VARINT_BYTES, putVarint } from "../wire/varint.ts";
import { WIDE } from "./chunk-fields.ts";
import { OpDictionary } from "./dictionary.ts";

/** What the rows of a chunk are collected in. Its fields are for the functions of this file and the encoder. */
export interface RowColumns {
  readonly dictionary: OpDictionary;
  /** Dictionary entry and value of each row. */
  readonly entry: Uint16Array;
  readonly value: Uint32Array;
  /** Rows of each dictionary entry. */
  readonly rowsOf: Uint32Array;
  /** Packed time deltas, and those that do not fit there. */
  readonly time: Uint8Array;
  readonly wide: number[];
  count: number;
  /** Bytes of ops and values that the latest {@link appendRows} took. */
  lastBytes: number;
  timeLength: number;
  baseTime: number;
  lastTime: number;
  maxTime: number;
}

/** Columns for {@link CHUNK_ACCESSES} rows. */
export function makeRowColumns(): RowColumns {
  return {
    dictionary: new OpDictionary(),
    entry: new Uint16Array(CHUNK_ACCESSES),
    value: new Uint32Array(CHUNK_ACCESSES),
    rowsOf: new Uint32Array(CHUNK_ACCESSES),
    time: new Uint8Array(CHUNK_ACCESSES * MAX_VARINT_BYTES),
    wide: [],
    count: 0,
    lastBytes: 0,
    timeLength: 0,
    baseTime: 0,
    lastTime: 0,
    maxTime: 0,
  };
}

/** Makes columns as good as new. */
export function clearRows(columns: RowColumns): void {
  columns.rowsOf.fill(0, 0, columns.dictionary.size);
  columns.dictionary.clear();
  columns.wide.length = 0;
  columns.count = 0;
  columns.timeLength = 0;
  columns.baseTime = 0;
  columns.lastTime = 0;
  columns.maxTime = 0;
}

/** The first of the rows from `begin` to before `end` that is a string access or breaks the batch's contract. */
export function plainEnd(batch: AccessBatch, begin: number, end: number): number {
  const { op, value, time } = batch;
  for (let row = begin; row < end; row++) {
    const kind = op[row] ?? 0;
    if (isString(kind) || rowFault(kind, value[row] ?? 0, time[row] ?? 0) !== undefined) return row;
  }
  return end;
}

/** Why the format cannot hold a row, if it cannot. */
export function rowFault(kind: number, value: number, time: number): string | undefined {
  if (kind > 0b1101 || (kind & 0b110) === 0b110) return `op ${kind} is none`;
  if ((kind & 0b100) === 0 && value >>> (8 << ((kind >>> 1) & 1)) !== 0) return `value ${value} does not fit its width`;
  return time >= 0 && time <= Number.MAX_SAFE_INTEGER ? undefined : `time ${time} is not from 0 to 2^53 ns`;
}

/**
 * Appends rows from `begin` to before `end`, of which {@link rowFault} has nothing to say, until `budget` bytes of ops and
 * values are used up, but at least one. Gives the row after the last one.
 */
export function appendRows(
  columns: RowColumns,
  batch: AccessBatch,
  begin: number,
  end: number,
  budget: number,
): number {
  const { port, op, value, vcpu } = batch;
  const { dictionary, entry, rowsOf } = columns;
  const values = columns.value;
  let count = columns.count;
  let left = budget;
  let row = begin;
  let index = -1;
  let last = -1;
  let lastVcpu = -1;
  for (; row < end && (left > 0 || row === begin); row++) {
    const kind = op[row] ?? 0;
    const key = ((port[row] ?? 0) << 4) | kind;
    const cpu = vcpu[row] ?? 0;
    if (key !== last || cpu !== lastVcpu) {
      index = dictionary.indexOf(key, cpu);
      last = key;
      lastVcpu = cpu;
    }
    rowsOf[index] = (rowsOf[index] ?? 0) + 1;
    entry[count] = index;
    values[count++] = value[row] ?? 0;
    left -= 1 + (1 << ((kind >>> 1) & 3));
  }
  columns.count = count;
  columns.lastBytes = budget - left;
  return row;
}

/** Appends the times of the rows from `begin` to before `end`; `unit` is the clock's, in nanoseconds. */
export function appendTimes(columns: RowColumns, time: Float64Array, begin: number, end: number, unit: number): void {
  const bytes = columns.time;
  let length = columns.timeLength;
  if (length === 0 && end > begin) columns.lastTime = columns.baseTime = Math.floor((time[begin] ?? 0) / unit);
  let last = columns.lastTime;
  let max = columns.maxTime;
  for (let row = begin; row < end; row++) {
    const now = Math.floor((time[row] ?? 0) / unit);
    const delta = now - last;
    last = now;
    if (now > max) max = now;
    if (delta >= 0 && delta < 128) bytes[length++] = delta;
    else if (delta >= 0 && delta < WIDE) length = putVarint(bytes, length, delta);
    else {
      columns.wide.push(delta);
      length = putVarint(bytes, length, WIDE);
    }
  }
  columns.timeLength = length;
  columns.lastTime = last;
  columns.maxTime = max;
}

/** Copies the values to `sorted` in the order of their dictionary entries, those of one entry in the order of the rows. */
export function sortValues({ dictionary, entry, value, rowsOf, count }: RowColumns, sorted: Uint32Array): void {
  const next = new Uint32Array(dictionary.size);
  for (let k = 1; k < dictionary.size; k++) next[k] = (next[k - 1] ?? 0) + (rowsOf[k - 1] ?? 0);
  for (let i = 0; i < count; i++) {
    const k = entry[i] ?? 0;
    const at = next[k] ?? 0;
    next[k] = at + 1;
    sorted[at] = value[i] ?? 0;
  }
}
