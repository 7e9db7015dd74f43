import { isString, widthOf } from "../access.ts";
import type { AccessBatch, Gap, Marker } from "../batch.ts";
import { TraceWriteError } from "../errors.ts";
import type { ClockUnit } from "../info.ts";
import {
  CHUNK_ACCESSES,
  CHUNK_BYTES,
  MAX_ANCHOR_BYTES,
  MAX_CHUNK_REMARKS,
  MAX_PAYLOAD_BYTES,
  MAX_TEXT_BYTES,
} from "../limits.ts";
import { MAX_VARINT_BYTES } from "../wire/varint.ts";
import { nanosecondsIn } from "./clock.ts";
import { appendRows, appendTimes, clearRows, makeRowColumns, plainEnd, rowFault } from "./row-columns.ts";

/** Where in a batch the collector stands. */
export interface BatchCursor {
  row: number;
  string: number;
  marker: number;
  gap: number;
}

/** What a string access of a chunk has beyond its row. */
export interface CollectedString {
  readonly count: number;
  readonly payload: Uint8Array | undefined;
}

/** A marker or a gap of a chunk; its time in units of the clock. */
export interface CollectedRemark {
  readonly index: number;
  readonly time: number;
  readonly text: string;
  readonly lost: number | undefined;
}

/** Collects rows of batches until they make a chunk. */
export class ChunkCollector {
  readonly columns = makeRowColumns();
  readonly strings: CollectedString[] = [];
  readonly markers: CollectedRemark[] = [];
  readonly gaps: CollectedRemark[] = [];
  #anchor: string | undefined;
  readonly #unit: number;
  /** Bytes that may come before the chunk is full, times not counted, so that its end does not depend on the clock. */
  #left = CHUNK_BYTES;

  constructor(clock: ClockUnit) {
    this.#unit = nanosecondsIn(clock);
  }

  /** True when nothing was collected. */
  get empty(): boolean {
    return (
      this.columns.count === 0 && this.markers.length === 0 && this.gaps.length === 0 && this.#anchor === undefined
    );
  }

  /** What is known before the chunk's first access, where that is written down. */
  get anchor(): string | undefined {
    return this.#anchor;
  }

  /** Writes down what is known before the first access; the chunk is empty. Throws TraceWriteError. */
  takeAnchor(batch: AccessBatch, anchor: string): void {
    const bytes = Buffer.byteLength(anchor);
    if (bytes > MAX_ANCHOR_BYTES) throw badRow(batch, 0, `an anchor of ${bytes} bytes, over 3 MiB`);
    this.#anchor = anchor;
  }

  /**
   * Takes rows, markers and gaps of `batch` from `cursor` on, copying them, until the batch ends (false) or the chunk is
   * full (true). Throws TraceWriteError at a row the format cannot hold; the rows before it stay taken.
   */
  take(batch: AccessBatch, cursor: BatchCursor): boolean {
    for (;;) {
      this.#takeRemarks(batch, cursor);
      if (this.#full()) return true;
      if (cursor.row >= batch.length) return ended(batch, cursor);
      this.#takeRows(batch, cursor);
    }
  }

  /** Begins the next chunk. */
  clear(): void {
    clearRows(this.columns);
    this.strings.length = 0;
    this.markers.length = 0;
    this.gaps.length = 0;
    this.#anchor = undefined;
    this.#left = CHUNK_BYTES;
  }

  #full(): boolean {
    const remarks = this.markers.length + this.gaps.length;
    return this.columns.count >= CHUNK_ACCESSES || this.#left <= 0 || remarks >= MAX_CHUNK_REMARKS;
  }

  /** Takes rows up to the next remark, or one string access. */
  #takeRows(batch: AccessBatch, cursor: BatchCursor): void {
    const begin = cursor.row;
    const room = begin + CHUNK_ACCESSES - this.columns.count;
    const end = plainEnd(batch, begin, Math.min(nextRemark(batch, cursor), batch.length, room));
    if (end === begin) this.#checkString(batch, cursor);
    cursor.row = appendRows(this.columns, batch, begin, Math.max(end, begin + 1), this.#left);
    this.#left -= this.columns.lastBytes;
    if (this.#unit !== 0) appendTimes(this.columns, batch.time, begin, cursor.row, this.#unit);
  }

  /** Takes what the string access at the cursor has beyond its row. Throws TraceWriteError where it is none. */
  #checkString(batch: AccessBatch, cursor: BatchCursor): void {
    const { row } = cursor;
    const op = batch.op[row] ?? 0;
    const fault = rowFault(op, batch.value[row] ?? 0, batch.time[row] ?? 0);
    const string = batch.strings[cursor.string];
    if (fault !== undefined) throw badRow(batch, row, fault);
    if (!isString(op) || string?.index !== row)
      throw badRow(batch, row, "a string access without its entry in strings");
    const { count, payload } = string;
    const bytes = payload?.length ?? 0;
    const width = widthOf(op) / 8;
    if (!Number.isInteger(count) || count < 1 || count > 0xffffffff) throw badRow(batch, row, `count ${count}`);
    if (payload !== undefined && bytes !== count * width) {
      throw badRow(batch, row, `${bytes} bytes of payload instead of ${count} times ${width}`);
    }
    if (bytes > MAX_PAYLOAD_BYTES) throw badRow(batch, row, "over 1 MiB of payload: record it as several accesses");
    cursor.string++;
    this.strings.push({ count, payload: payload?.slice() });
    this.#left -= MAX_VARINT_BYTES + bytes;
  }

  #takeRemarks(batch: AccessBatch, cursor: BatchCursor): void {
    while (!this.#full()) {
      const marker = batch.markers[cursor.marker];
      const gap = batch.gaps[cursor.gap];
      if (marker?.index === cursor.row) {
        this.markers.push(this.#remark(batch, marker, marker.text, undefined));
        cursor.marker++;
      } else if (gap?.index === cursor.row) {
        this.gaps.push(this.#remark(batch, gap, gap.reason, gap.lost));
        cursor.gap++;
      } else return;
    }
  }

  #remark(batch: AccessBatch, { index, time }: Marker | Gap, text: string, lost: number | undefined): CollectedRemark {
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_TEXT_BYTES) throw badRow(batch, index, `a text of ${bytes} bytes, over 64 KiB`);
    if (!(time >= 0 && time <= Number.MAX_SAFE_INTEGER)) throw badRow(batch, index, `time ${time} of a marker or gap`);
    if (lost !== undefined && (!Number.isSafeInteger(lost) || lost < 0)) throw badRow(batch, index, `${lost} lost`);
    this.#left -= bytes;
    const stored = this.#unit === 0 ? 0 : Math.floor(time / this.#unit);
    this.columns.maxTime = Math.max(this.columns.maxTime, stored);
    return { index: this.columns.count, time: stored, text, lost };
  }
}

/** Row before which a marker or gap stands that was not taken yet. */
function nextRemark(batch: AccessBatch, cursor: BatchCursor): number {
  const rows = [batch.markers[cursor.marker], batch.gaps[cursor.gap]].map((remark) => remark?.index ?? Infinity);
  return Math.min(...rows.filter((row) => row > cursor.row));
}

function ended(batch: AccessBatch, cursor: BatchCursor): false {
  if (batch.markers.length > cursor.marker || batch.gaps.length > cursor.gap) {
    throw badRow(batch, batch.length, "a marker or gap out of order or beyond the end of its batch");
  }
  return false;
}

function badRow(batch: AccessBatch, row: number, what: string): TraceWriteError {
  const port = (batch.port[row] ?? 0).toString(16);
  return new TraceWriteError("TRACE_BATCH", `access ${batch.firstSeq + row} (port 0x${port}): ${what}`);
}
