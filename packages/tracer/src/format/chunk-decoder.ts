import { Reader } from "protobufjs/minimal.js";
import { isString } from "../access.ts";
import type { StringAccess } from "../batch.ts";
import { messageOf, TraceFormatError } from "../errors.ts";
import { MAX_CHUNK_OPS } from "../limits.ts";
import { readSint64 } from "../wire/int64.ts";
import { readPacked } from "../wire/varint.ts";
import { CHUNK_TAG, FIELD, WIDE } from "./chunk-fields.ts";
import {
  checkRemarks,
  ChunkRuleError,
  invalid,
  parseChunk,
  type ChunkMessage,
  type RawRemark,
} from "./chunk-message.ts";
import { nanosecondsIn } from "./clock.ts";
import { digestOf } from "./digest.ts";
import { unknownFeatures } from "./header-frame.ts";
import { portRuns, type ChunkFacts } from "./summary.ts";
import { CONST, DELTA, RAW, streamLength, takeValues } from "./values.ts";

/** A decoded chunk. Its columns are valid until the decoder is used again; times are nanoseconds. */
export interface DecodedChunk {
  readonly firstSeq: number;
  readonly count: number;
  readonly time: Float64Array;
  readonly port: Uint16Array;
  readonly op: Uint8Array;
  readonly value: Uint32Array;
  readonly vcpu: Uint16Array;
  readonly strings: readonly StringAccess[];
  readonly markers: readonly RawRemark[];
  readonly gaps: readonly RawRemark[];
  readonly anchor: string | undefined;
  /** Latest time in the chunk, nanoseconds. */
  readonly maxTime: number;
  /** What an index says of the chunk. */
  facts(): ChunkFacts;
}

/** Turns the content of chunk frames into columns, which it allocates as needed and uses again. */
export class ChunkDecoder {
  #capacity = 0;
  #time = new Float64Array(0);
  #port = new Uint16Array(0);
  #op = new Uint8Array(0);
  #value = new Uint32Array(0);
  #vcpu = new Uint16Array(0);
  #index = new Uint32Array(0);
  #sorted = new Uint32Array(0);
  // The dictionary.
  #size = 0;
  readonly #opPort = new Uint16Array(MAX_CHUNK_OPS);
  readonly #opKind = new Uint8Array(MAX_CHUNK_OPS);
  readonly #opVcpu = new Uint16Array(MAX_CHUNK_OPS);
  readonly #opCount = new Uint32Array(MAX_CHUNK_OPS);
  readonly #next = new Uint32Array(MAX_CHUNK_OPS);
  readonly #encoding = new Uint8Array(MAX_CHUNK_OPS);

  /** Decodes the content of the chunk frame at `at`. Throws TraceFormatError. */
  decode(raw: Uint8Array, at: { readonly offset: number; readonly chunk: number }): DecodedChunk {
    try {
      return this.#decode(unwrap(raw));
    } catch (error) {
      const code = error instanceof ChunkRuleError ? error.code : "TRACE_CHUNK_INVALID";
      throw new TraceFormatError(code, messageOf(error), at);
    }
  }

  #decode(bytes: Uint8Array): DecodedChunk {
    const message = parseChunk(bytes);
    const feature = unknownFeatures(message.criticalFeatures);
    if (feature !== undefined) throw new ChunkRuleError(feature.code, feature.reason);
    const { firstSeq, count, markers, gaps, anchor } = message;
    if (!Number.isSafeInteger(firstSeq + count)) throw invalid(`access number ${firstSeq}`);
    checkRemarks(markers, count);
    checkRemarks(gaps, count);
    this.#reserve(count);
    this.#decodeDictionary(message);
    this.#decodeOps(message);
    this.#decodeValues(message);
    const strings = this.#decodeStrings(message);
    const lastTime = this.#decodeTimes(message);
    const maxTime = [...markers, ...gaps].reduce((max, { time }) => Math.max(max, time), lastTime);
    const unit = nanosecondsIn(message.clock);
    if (maxTime * unit > Number.MAX_SAFE_INTEGER || (unit === 0 && maxTime !== 0)) throw invalid(`time ${maxTime}`);
    return {
      firstSeq,
      count,
      time: this.#time,
      port: this.#port,
      op: this.#op,
      value: this.#value,
      vcpu: this.#vcpu,
      strings,
      markers: inNanoseconds(markers, unit),
      gaps: inNanoseconds(gaps, unit),
      anchor,
      maxTime: maxTime * unit,
      facts: () => ({
        firstSeq,
        count,
        clock: message.clock,
        baseTime: message.baseTime,
        maxTime,
        ports: portRuns(this.#opPort.slice(0, this.#size)),
        digest: digestOf(message.accesses),
      }),
    };
  }

  #reserve(count: number): void {
    if (count <= this.#capacity) return;
    this.#capacity = count;
    this.#time = new Float64Array(count);
    this.#port = new Uint16Array(count);
    this.#op = new Uint8Array(count);
    this.#value = new Uint32Array(count);
    this.#vcpu = new Uint16Array(count);
    this.#index = new Uint32Array(count);
    this.#sorted = new Uint32Array(count);
  }

  #decodeDictionary({ column }: ChunkMessage): void {
    const kinds = column(FIELD.opKind);
    const size = kinds.length;
    if (size > MAX_CHUNK_OPS) throw new ChunkRuleError("TRACE_LIMIT", `${size} ops in one chunk`);
    const vcpus = column(FIELD.opVcpu);
    if (vcpus.length === 0) this.#opVcpu.fill(0, 0, size);
    const whole =
      readPacked(kinds, size, this.#opKind, 0b1101) &&
      readPacked(column(FIELD.opPort), size, this.#opPort, 0xffff) &&
      (vcpus.length === 0 || readPacked(vcpus, size, this.#opVcpu, 0xffff)) &&
      readPacked(column(FIELD.valueEncoding), size, this.#encoding, DELTA);
    if (!whole) throw invalid("the dictionary of ops does not add up");
    for (let k = 0; k < size; k++) {
      if (((this.#opKind[k] ?? 0) & 0b110) === 0b110) throw invalid("an op of unknown width");
    }
    this.#size = size;
  }

  #decodeOps({ column, count }: ChunkMessage): void {
    const index = this.#index;
    if (!readPacked(column(FIELD.op), count, index, Math.max(0, this.#size - 1)) || (count > 0 && this.#size === 0)) {
      throw invalid("the column of ops does not add up");
    }
    this.#opCount.fill(0, 0, this.#size);
    for (let i = 0; i < count; i++) {
      const k = index[i] ?? 0;
      this.#port[i] = this.#opPort[k] ?? 0;
      this.#op[i] = this.#opKind[k] ?? 0;
      this.#vcpu[i] = this.#opVcpu[k] ?? 0;
      this.#opCount[k] = (this.#opCount[k] ?? 0) + 1;
    }
  }

  #decodeValues({ column, count }: ChunkMessage): void {
    const bytes = column(FIELD.values);
    let position = 0;
    let start = 0;
    for (let k = 0; k < this.#size; k++) {
      const n = this.#opCount[k] ?? 0;
      const width = 1 << (((this.#opKind[k] ?? 0) >>> 1) & 3);
      const encoding = this.#encoding[k] ?? RAW;
      const length = streamLength(n, width, encoding);
      if (n === 0 && encoding === CONST) throw invalid("a value for an op that never occurs");
      if (position + length > bytes.length) throw invalid("the column of values is too short");
      if (n > 0) takeValues(bytes, position, this.#sorted, start, n, width, encoding);
      this.#next[k] = start;
      position += length;
      start += n;
    }
    if (position !== bytes.length) throw invalid("the column of values is too long");
    for (let i = 0; i < count; i++) {
      const k = this.#index[i] ?? 0;
      const at = this.#next[k] ?? 0;
      this.#next[k] = at + 1;
      this.#value[i] = this.#sorted[at] ?? 0;
    }
  }

  #decodeStrings({ column, count }: ChunkMessage): StringAccess[] {
    const observed = column(FIELD.stringObserved);
    const flags = new Uint8Array(observed.length);
    const counts = new Uint32Array(observed.length);
    const whole =
      readPacked(observed, observed.length, flags, 1) &&
      readPacked(column(FIELD.stringCount), observed.length, counts, 0xffffffff);
    if (!whole) throw invalid("the columns of string accesses do not add up");
    const bytes = column(FIELD.stringPayload);
    const strings: StringAccess[] = [];
    let at = 0;
    for (let i = 0; i < count && observed.length > 0; i++) {
      const op = this.#op[i] ?? 0;
      if (!isString(op)) continue;
      const moved = counts[strings.length] ?? 0;
      const length = flags[strings.length] === 1 ? moved * (1 << ((op >>> 1) & 3)) : undefined;
      if (moved === 0 || at + (length ?? 0) > bytes.length) throw invalid("a string access without its elements");
      strings.push({
        index: i,
        count: moved,
        payload: length === undefined ? undefined : bytes.subarray(at, at + length),
      });
      at += length ?? 0;
    }
    if (strings.length !== this.#stringAccesses() || strings.length !== observed.length || at !== bytes.length) {
      throw invalid("the columns of string accesses do not add up");
    }
    return strings;
  }

  #stringAccesses(): number {
    let sum = 0;
    for (let k = 0; k < this.#size; k++) if (isString(this.#opKind[k] ?? 0)) sum += this.#opCount[k] ?? 0;
    return sum;
  }

  /** Fills the column of times; gives the latest, in units of the clock. */
  #decodeTimes({ column, count, clock, baseTime }: ChunkMessage): number {
    const unit = nanosecondsIn(clock);
    const time = this.#time;
    const wide = Reader.create(column(FIELD.wideTimeDelta));
    if (unit === 0) {
      if (column(FIELD.timeDelta).length + wide.len > 0) throw invalid("times in a trace without a clock");
      time.fill(0, 0, count);
      return baseTime;
    }
    const deltas = this.#sorted;
    if (!readPacked(column(FIELD.timeDelta), count, deltas, WIDE)) throw invalid("the column of times does not add up");
    let now = baseTime;
    let latest = baseTime;
    for (let i = 0; i < count; i++) {
      const delta = deltas[i] ?? 0;
      now += delta === WIDE ? readSint64(wide) : delta;
      if (now > latest) latest = now;
      else if (now < 0) throw invalid("a time before the start of the trace");
      time[i] = now * unit;
    }
    if (wide.pos !== wide.len) throw invalid("the column of wide time deltas is too long");
    return latest;
  }
}

/** The Chunk in field 1 of Trace, which must be all of `raw`. */
function unwrap(raw: Uint8Array): Uint8Array {
  const r = Reader.create(raw);
  if (r.uint32() !== CHUNK_TAG) throw invalid("the content is not a Chunk");
  const message = r.bytes();
  if (r.pos !== r.len) throw invalid("something follows the Chunk");
  return message;
}

function inNanoseconds(remarks: readonly RawRemark[], unit: number): readonly RawRemark[] {
  return remarks.map((remark) => ({ ...remark, time: remark.time * unit }));
}
