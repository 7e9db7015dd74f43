import { BATCH_CAPACITY, type AccessBatch, type Gap } from "./batch.ts";

/**
 * Part of a trace: from the first access that is at or after both `from` bounds to before the first later one that
 * reaches a `to` bound. Times in nanoseconds since the start of the trace. Markers and gaps go with the access they stand
 * before.
 */
export interface TraceRange {
  readonly fromSeq?: number;
  readonly toSeq?: number;
  readonly fromTime?: number;
  readonly toTime?: number;
}

/** Cuts a range out of consecutive chunks. */
export class RangeCutter {
  readonly #range: Required<TraceRange>;
  #started: boolean;
  #done = false;

  constructor({ fromSeq = 0, toSeq = Infinity, fromTime = 0, toTime = Infinity }: TraceRange) {
    this.#range = { fromSeq, toSeq, fromTime, toTime };
    this.#started = fromSeq <= 0 && fromTime <= 0;
  }

  /** True once nothing that follows can be in the range. */
  get done(): boolean {
    return this.#done;
  }

  /** What of the next chunk, and of the gap before it, is in the range, in batches of at most {@link BATCH_CAPACITY}. */
  *cut(chunk: AccessBatch, gapBefore: Gap | undefined): Generator<AccessBatch, void, undefined> {
    const begin = this.#begin(chunk);
    const end = this.#end(chunk, begin);
    const inRange = this.#remarkFilter(chunk, begin, end);
    const gaps = gapBefore === undefined ? chunk.gaps : [gapBefore, ...chunk.gaps];
    const whole = { ...chunk, markers: chunk.markers.filter(inRange), gaps: gaps.filter(inRange) };
    this.#started ||= begin < chunk.length;
    if (begin === 0 && end === chunk.length && end <= BATCH_CAPACITY) {
      if (end > 0 || whole.markers.length > 0 || whole.gaps.length > 0 || whole.anchor !== undefined) yield whole;
      return;
    }
    for (let from = begin; from < end; from += BATCH_CAPACITY) {
      yield slice(whole, from, Math.min(end, from + BATCH_CAPACITY), end);
    }
    if (begin === end && whole.markers.length + whole.gaps.length > 0) yield slice(whole, begin, end, end);
  }

  /** First row in the range; the chunk's length where there is none. */
  #begin(chunk: AccessBatch): number {
    if (this.#started) return 0;
    const { fromSeq, fromTime } = this.#range;
    let row = Math.min(Math.max(0, fromSeq - chunk.firstSeq), chunk.length);
    while (row < chunk.length && (chunk.time[row] ?? 0) < fromTime) row++;
    return row;
  }

  /** Row before which the range ends, at or after `begin`. */
  #end(chunk: AccessBatch, begin: number): number {
    const { toSeq, toTime } = this.#range;
    let end = Math.min(chunk.length, Math.max(begin, toSeq - chunk.firstSeq));
    if (toTime !== Infinity) {
      let row = begin;
      while (row < end && (chunk.time[row] ?? 0) < toTime) row++;
      end = row;
    }
    this.#done = end < chunk.length || chunk.firstSeq + chunk.length >= toSeq;
    return end;
  }

  #remarkFilter(
    chunk: AccessBatch,
    begin: number,
    end: number,
  ): (remark: { readonly index: number; readonly time: number }) => boolean {
    const { fromSeq, fromTime, toTime } = this.#range;
    const entered = this.#started || begin < chunk.length;
    return ({ index, time }) => {
      if (index < begin || index > end || (index === end && this.#done)) return false;
      if (index === chunk.length && time >= toTime) return false;
      return entered || (chunk.firstSeq + index >= fromSeq && time >= fromTime);
    };
  }
}

/** Rows `from` to before `to`; remarks after the last row go with it where `to` is `end`. */
function slice(batch: AccessBatch, from: number, to: number, end: number): AccessBatch {
  const moved = <T extends { readonly index: number }>(items: readonly T[], last: number): T[] =>
    items.filter(({ index }) => index >= from && index <= last).map((item) => ({ ...item, index: item.index - from }));
  const last = to === end ? to : to - 1;
  return {
    firstSeq: batch.firstSeq + from,
    length: to - from,
    time: batch.time.subarray(from, to),
    port: batch.port.subarray(from, to),
    op: batch.op.subarray(from, to),
    value: batch.value.subarray(from, to),
    vcpu: batch.vcpu.subarray(from, to),
    strings: moved(batch.strings, to - 1),
    markers: moved(batch.markers, last),
    gaps: moved(batch.gaps, last),
    ...(batch.anchor !== undefined && from === 0 && { anchor: batch.anchor }),
  };
}
