import { Writer } from "protobufjs/minimal.js";
import { isString } from "../access.ts";
import type { AccessBatch, Gap, Marker, StringAccess } from "../batch.ts";
import { TraceWriteError } from "../errors.ts";
import type { ClockUnit } from "../info.ts";
import { CHUNK_ACCESSES, CHUNK_BYTES, MAX_CHUNK_REMARKS, MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES } from "../limits.ts";
import { writeSint64, writeUint64 } from "../wire/int64.ts";
import { MAX_VARINT_BYTES, putVarint } from "../wire/varint.ts";
import { CHUNK_TAG, FIELD, WIDE } from "./chunk-fields.ts";
import { clockNumber, nanosecondsIn } from "./clock.ts";
import { OpDictionary } from "./dictionary.ts";
import { digestOf } from "./digest.ts";
import { putText } from "./header.ts";
import { portRuns, type ChunkFacts } from "./summary.ts";
import { chooseEncoding, putValues } from "./values.ts";

/** Where in a batch the encoder stands. */
export interface BatchCursor {
  row: number;
  string: number;
  marker: number;
  gap: number;
}

/** A chunk before compression. `raw` is valid until the encoder is used again. */
export interface EncodedChunk {
  readonly raw: Uint8Array;
  readonly facts: ChunkFacts;
}

interface Remark {
  readonly index: number;
  readonly time: number;
  readonly text: string;
  readonly lost: number | undefined;
}

/** Turns rows of batches into Chunk messages. Its buffers are allocated once. */
export class ChunkEncoder {
  readonly #clock: ClockUnit;
  readonly #unit: number;
  readonly #dictionary = new OpDictionary();
  readonly #op = new Uint16Array(CHUNK_ACCESSES);
  readonly #value = new Uint32Array(CHUNK_ACCESSES);
  readonly #sorted = new Uint32Array(CHUNK_ACCESSES);
  readonly #opCount = new Uint32Array(CHUNK_ACCESSES);
  readonly #next = new Uint32Array(CHUNK_ACCESSES);
  readonly #timeColumn = new Uint8Array(CHUNK_ACCESSES * MAX_VARINT_BYTES);
  /** Where a column is packed before it goes into the message. */
  readonly #scratch = new Uint8Array(CHUNK_ACCESSES * MAX_VARINT_BYTES);
  #raw = new Uint8Array(2 * CHUNK_BYTES);
  #timeLength = 0;
  #wide: number[] = [];
  #strings: StringAccess[] = [];
  #markers: Remark[] = [];
  #gaps: Remark[] = [];
  #count = 0;
  /** Bytes before compression but for the times, so that where chunks end does not depend on the clock. */
  #bytes = 0;
  #firstSeq = 0;
  #baseTime = 0;
  #lastTime = 0;
  #maxTime = 0;

  constructor(clock: ClockUnit) {
    this.#clock = clock;
    this.#unit = nanosecondsIn(clock);
  }

  /** True when there is nothing to encode. */
  get empty(): boolean {
    return this.#count === 0 && this.#markers.length === 0 && this.#gaps.length === 0;
  }

  /** Accesses taken since the last {@link finish}. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes rows, markers and gaps of `batch` from `cursor` on, copying them, until the batch ends (false) or the chunk is
   * full (true). Throws TraceWriteError at a row the format cannot hold; the rows before it stay taken.
   */
  take(batch: AccessBatch, cursor: BatchCursor): boolean {
    for (;;) {
      this.#takeRemarks(batch, cursor);
      if (this.#full()) return true;
      if (cursor.row >= batch.length) return this.#ended(batch, cursor);
      this.#takeRows(batch, cursor, this.#runEnd(batch, cursor));
    }
  }

  /** The chunk so far, whose first access has number `firstSeq`; then begins the next one. */
  finish(firstSeq: number): EncodedChunk {
    this.#firstSeq = firstSeq;
    const encoded = this.#encode();
    this.#clear();
    return encoded;
  }

  #ended(batch: AccessBatch, cursor: BatchCursor): false {
    if (batch.markers.length > cursor.marker || batch.gaps.length > cursor.gap) {
      throw badRow(batch, batch.length, "a marker or gap out of order or beyond the end of its batch");
    }
    return false;
  }

  #full(): boolean {
    return (
      this.#count >= CHUNK_ACCESSES ||
      this.#bytes >= CHUNK_BYTES ||
      this.#markers.length + this.#gaps.length >= MAX_CHUNK_REMARKS
    );
  }

  /** Row at which something else than a row comes next. */
  #runEnd(batch: AccessBatch, cursor: BatchCursor): number {
    const remarks = [batch.markers[cursor.marker], batch.gaps[cursor.gap]].flatMap((r) => r?.index ?? []);
    return Math.min(
      ...remarks.filter((index) => index > cursor.row),
      batch.length,
      cursor.row + CHUNK_ACCESSES - this.#count,
    );
  }

  #takeRows(batch: AccessBatch, cursor: BatchCursor, end: number): void {
    const { port, op, value, vcpu, time } = batch;
    const dictionary = this.#dictionary;
    let index = -1;
    let lastPort = -1;
    let lastKind = -1;
    let lastVcpu = -1;
    for (let row = cursor.row; row < end && this.#bytes < CHUNK_BYTES; cursor.row = ++row) {
      const p = port[row] ?? 0;
      const kind = op[row] ?? 0;
      const cpu = vcpu[row] ?? 0;
      const v = value[row] ?? 0;
      const t = time[row] ?? 0;
      if (!(t >= 0 && t <= Number.MAX_SAFE_INTEGER)) throw badRow(batch, row, `time ${t} is not between 0 and 2^53 ns`);
      if (kind > 0b1101 || (kind & 0b110) === 0b110) throw badRow(batch, row, `op ${kind} is none`);
      const width = 1 << ((kind >>> 1) & 3);
      if (width < 4 && v >>> (width * 8) !== 0) throw badRow(batch, row, `value ${v} does not fit ${width * 8} bits`);
      if (isString(kind)) this.#takeString(batch, cursor, row, width);
      this.#takeTime(t);
      if (p !== lastPort || kind !== lastKind || cpu !== lastVcpu) {
        index = dictionary.indexOf(p, kind, cpu);
        lastPort = p;
        lastKind = kind;
        lastVcpu = cpu;
      }
      this.#opCount[index] = (this.#opCount[index] ?? 0) + 1;
      this.#op[this.#count] = index;
      this.#value[this.#count++] = v;
      this.#bytes += 1 + width;
    }
  }

  #takeTime(nanoseconds: number): void {
    if (this.#unit === 0) return;
    const time = Math.floor(nanoseconds / this.#unit);
    if (this.#count === 0) this.#baseTime = this.#lastTime = time;
    const delta = time - this.#lastTime;
    this.#lastTime = time;
    if (time > this.#maxTime) this.#maxTime = time;
    if (delta >= 0 && delta < 128) {
      this.#timeColumn[this.#timeLength++] = delta;
      return;
    }
    const wide = delta < 0 || delta >= WIDE;
    if (wide) this.#wide.push(delta);
    this.#timeLength = putVarint(this.#timeColumn, this.#timeLength, wide ? WIDE : delta);
  }

  #takeString(batch: AccessBatch, cursor: BatchCursor, row: number, width: number): void {
    const string = batch.strings[cursor.string];
    if (string?.index !== row) throw badRow(batch, row, "a string access without its entry in strings");
    const { count, payload } = string;
    if (!Number.isInteger(count) || count < 1 || count > 0xffffffff) throw badRow(batch, row, `count ${count}`);
    const bytes = payload?.length ?? 0;
    if (payload !== undefined && bytes !== count * width) {
      throw badRow(batch, row, `${bytes} bytes of payload instead of ${count} times ${width}`);
    }
    if (bytes > MAX_PAYLOAD_BYTES) throw badRow(batch, row, "over 1 MiB of payload: record it as several accesses");
    cursor.string++;
    this.#strings.push({ index: this.#count, count, payload: payload?.slice() });
    this.#bytes += MAX_VARINT_BYTES + bytes;
  }

  #takeRemarks(batch: AccessBatch, cursor: BatchCursor): void {
    for (;;) {
      const marker = batch.markers[cursor.marker];
      const gap = batch.gaps[cursor.gap];
      if (this.#full()) return;
      if (marker !== undefined && marker.index === cursor.row) {
        this.#markers.push(this.#remark(batch, marker, marker.text, undefined));
        cursor.marker++;
      } else if (gap !== undefined && gap.index === cursor.row) {
        this.#gaps.push(this.#remark(batch, gap, gap.reason, gap.lost));
        cursor.gap++;
      } else return;
    }
  }

  #remark(batch: AccessBatch, { index, time }: Marker | Gap, text: string, lost: number | undefined): Remark {
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_TEXT_BYTES) throw badRow(batch, index, `a text of ${bytes} bytes, over 64 KiB`);
    if (!(time >= 0 && time <= Number.MAX_SAFE_INTEGER)) throw badRow(batch, index, `time ${time} of a marker or gap`);
    if (lost !== undefined && (!Number.isSafeInteger(lost) || lost < 0)) throw badRow(batch, index, `${lost} lost`);
    this.#bytes += bytes;
    const stored = this.#unit === 0 ? 0 : Math.floor(time / this.#unit);
    if (stored > this.#maxTime) this.#maxTime = stored;
    return { index: this.#count, time: stored, text, lost };
  }

  #encode(): EncodedChunk {
    if (this.#count === 0) this.#baseTime = (this.#markers[0] ?? this.#gaps[0])?.time ?? 0;
    const w = Writer.create();
    writeUint64(w.uint32(FIELD.firstSeq << 3), this.#firstSeq);
    writeUint64(w.uint32(FIELD.baseTime << 3), this.#baseTime);
    w.uint32(FIELD.count << 3).uint32(this.#count);
    if (this.#clock !== "us") w.uint32(FIELD.clock << 3).uint32(clockNumber(this.#clock));
    const begin = w.len;
    this.#encodeOps(w);
    this.#encodeValues(w);
    this.#encodeStrings(w);
    const end = w.len;
    this.#encodeTimes(w);
    for (const marker of this.#markers) encodeRemark(w, FIELD.marker, marker);
    for (const gap of this.#gaps) encodeRemark(w, FIELD.gap, gap);
    const message = w.finish();
    return { raw: this.#wrap(message), facts: this.#facts(digestOf(message.subarray(begin, end))) };
  }

  #encodeOps(w: Writer): void {
    const { port, kind, vcpu, size, manyVcpus } = this.#dictionary;
    this.#column(w, FIELD.opPort, port, size);
    this.#column(w, FIELD.opKind, kind, size);
    if (manyVcpus) this.#column(w, FIELD.opVcpu, vcpu, size);
    this.#column(w, FIELD.op, this.#op, this.#count);
  }

  #encodeValues(w: Writer): void {
    const { kind, size } = this.#dictionary;
    this.#sortValues();
    const encodings = new Uint8Array(size);
    let length = 0;
    let start = 0;
    for (let k = 0; k < size; k++) {
      const count = this.#opCount[k] ?? 0;
      const encoding = chooseEncoding(this.#sorted, start, count);
      const width = 1 << (((kind[k] ?? 0) >>> 1) & 3);
      encodings[k] = encoding;
      length = putValues(this.#scratch, length, this.#sorted, start, count, width, encoding);
      start += count;
    }
    if (size > 0) w.uint32((FIELD.valueEncoding << 3) | 2).bytes(encodings);
    if (length > 0) w.uint32((FIELD.values << 3) | 2).bytes(this.#scratch.subarray(0, length));
  }

  /** Puts the values in the order of their dictionary entries, those of one entry in the order of time. */
  #sortValues(): void {
    let start = 0;
    for (let k = 0; k < this.#dictionary.size; k++) {
      this.#next[k] = start;
      start += this.#opCount[k] ?? 0;
    }
    for (let i = 0; i < this.#count; i++) {
      const k = this.#op[i] ?? 0;
      const at = this.#next[k] ?? 0;
      this.#next[k] = at + 1;
      this.#sorted[at] = this.#value[i] ?? 0;
    }
  }

  #encodeStrings(w: Writer): void {
    if (this.#strings.length === 0) return;
    const observed = this.#strings.map((s) => (s.payload === undefined ? 0 : 1));
    this.#column(
      w,
      FIELD.stringCount,
      this.#strings.map((s) => s.count),
      this.#strings.length,
    );
    this.#column(w, FIELD.stringObserved, observed, this.#strings.length);
    const payload = Buffer.concat(this.#strings.flatMap((s) => s.payload ?? []));
    if (payload.length > 0) w.uint32((FIELD.stringPayload << 3) | 2).bytes(payload);
  }

  #encodeTimes(w: Writer): void {
    if (this.#timeLength === 0) return;
    w.uint32((FIELD.timeDelta << 3) | 2).bytes(this.#timeColumn.subarray(0, this.#timeLength));
    if (this.#wide.length === 0) return;
    w.uint32((FIELD.wideTimeDelta << 3) | 2).fork();
    for (const delta of this.#wide) writeSint64(w, delta);
    w.ldelim();
  }

  #column(w: Writer, field: number, values: ArrayLike<number>, count: number): void {
    if (count === 0) return;
    let length = 0;
    for (let i = 0; i < count; i++) length = putVarint(this.#scratch, length, values[i] ?? 0);
    w.uint32((field << 3) | 2).bytes(this.#scratch.subarray(0, length));
  }

  /** The message as field 1 of Trace. */
  #wrap(message: Uint8Array): Uint8Array {
    const length = 1 + MAX_VARINT_BYTES + message.length;
    if (this.#raw.length < length) this.#raw = new Uint8Array(2 * length);
    this.#raw[0] = CHUNK_TAG;
    const at = putVarint(this.#raw, 1, message.length);
    this.#raw.set(message, at);
    return this.#raw.subarray(0, at + message.length);
  }

  #facts(digest: string): ChunkFacts {
    return {
      firstSeq: this.#firstSeq,
      count: this.#count,
      clock: this.#clock,
      baseTime: this.#baseTime,
      maxTime: this.#maxTime,
      ports: portRuns(this.#dictionary.port, this.#dictionary.size),
      digest,
    };
  }

  #clear(): void {
    this.#opCount.fill(0, 0, this.#dictionary.size);
    this.#dictionary.clear();
    this.#timeLength = 0;
    this.#wide = [];
    this.#strings = [];
    this.#markers = [];
    this.#gaps = [];
    this.#count = 0;
    this.#bytes = 0;
    this.#baseTime = 0;
    this.#lastTime = 0;
    this.#maxTime = 0;
  }
}

function encodeRemark(w: Writer, field: number, { index, time, text, lost }: Remark): void {
  w.uint32((field << 3) | 2).fork();
  w.uint32(1 << 3).uint32(index);
  writeUint64(w.uint32(2 << 3), time);
  putText(w, 3, text);
  if (lost !== undefined) writeUint64(w.uint32(4 << 3), lost);
  w.ldelim();
}

function badRow(batch: AccessBatch, row: number, what: string): TraceWriteError {
  const port = (batch.port[row] ?? 0).toString(16);
  return new TraceWriteError("TRACE_BATCH", `access ${batch.firstSeq + row} (port 0x${port}): ${what}`);
}
