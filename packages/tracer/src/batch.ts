import { directionOf, isString, opOf, widthOf, type Direction, type Op, type Width } from "./access.ts";
import { MAX_PAYLOAD_BYTES } from "./limits.ts";

/** Accesses a batch holds at the most; the size at which {@link BatchBuilder} hands one on. */
export const BATCH_CAPACITY = 16_384;

/** What a string instruction (INS, OUTS) moved beyond its first element. */
export interface StringAccess {
  /** Row of the batch this belongs to. */
  readonly index: number;
  /** Elements moved, at least 1. */
  readonly count: number;
  /** The elements, little-endian, `count × width / 8` bytes; undefined where the capture did not observe them. */
  readonly payload: Uint8Array | undefined;
}

/** A remark in the stream, for people: "guest printed its prompt". */
export interface Marker {
  /** Row of the batch the marker stands before; `length` when it stands after the last. */
  readonly index: number;
  /** Nanoseconds since the start of the trace. */
  readonly time: number;
  readonly text: string;
}

/** A stretch that was not observed. Whatever it may have changed is unknown afterwards. */
export interface Gap {
  /** Row of the batch the gap stands before; `length` when it stands after the last. */
  readonly index: number;
  /** Nanoseconds since the start of the trace. */
  readonly time: number;
  readonly reason: string;
  /** Accesses lost, where the capture can tell. */
  readonly lost: number | undefined;
}

/**
 * Consecutive accesses as columns; the unit that passes between packages.
 *
 * Each column holds at least `length` rows; rows beyond `length` are undefined. Row i has sequence number
 * `firstSeq + i`. A batch is valid until the producer is asked for the next one: copy what is kept.
 */
export interface AccessBatch {
  readonly firstSeq: number;
  readonly length: number;
  /** Nanoseconds since the start of the trace, integers. All 0 in a trace without a clock. */
  readonly time: Float64Array;
  readonly port: Uint16Array;
  readonly op: Uint8Array;
  /** Value read or written, unsigned; the first element of a string access. */
  readonly value: Uint32Array;
  readonly vcpu: Uint16Array;
  /** Sorted by index, one for each row whose op has the string bit. */
  readonly strings: readonly StringAccess[];
  readonly markers: readonly Marker[];
  readonly gaps: readonly Gap[];
  /**
   * What was known of every device before the first row, where the accesses it was learned from are not in the trace: the classifier's JSON.
   */
  readonly anchor?: string;
}

/** One access as an object, for the places where a person or JSON reads it. */
export interface Access {
  readonly seq: number;
  /** Nanoseconds since the start of the trace. */
  readonly time: number;
  readonly vcpu: number;
  readonly direction: Direction;
  readonly port: number;
  readonly width: Width;
  readonly value: number;
  /** True for a string instruction, also where its count is 1. */
  readonly string: boolean;
  readonly count: number;
  readonly payload: Uint8Array | undefined;
}

/** Markers and gaps a batch holds at the most. */
const REMARKS_CAPACITY = 4096;

/** Bits an access can move, by log2 of its width in bytes. */
const WIDTH_MASKS = [0xff, 0xffff, -1] as const;

/** Collects accesses into batches and hands each full one to `sink`. Its columns are reused from batch to batch. */
export class BatchBuilder {
  readonly #sink: (batch: AccessBatch) => void;
  readonly #capacity: number;
  #time: Float64Array;
  #port: Uint16Array;
  #op: Uint8Array;
  #value: Uint32Array;
  #vcpu: Uint16Array;
  #strings: StringAccess[] = [];
  #markers: Marker[] = [];
  #gaps: Gap[] = [];
  #firstSeq: number;
  #length = 0;
  /** Time of the last access handed on. */
  #handedOnTime = 0;

  /** `firstSeq` numbers the first access; `sink` must not keep the batch's columns beyond the call. */
  constructor(sink: (batch: AccessBatch) => void, options: { firstSeq?: number; capacity?: number } = {}) {
    this.#sink = sink;
    this.#capacity = options.capacity ?? BATCH_CAPACITY;
    this.#firstSeq = options.firstSeq ?? 0;
    this.#time = new Float64Array(this.#capacity);
    this.#port = new Uint16Array(this.#capacity);
    this.#op = new Uint8Array(this.#capacity);
    this.#value = new Uint32Array(this.#capacity);
    this.#vcpu = new Uint16Array(this.#capacity);
  }

  /** Sequence number the next access will have. */
  get nextSeq(): number {
    return this.#firstSeq + this.#length;
  }

  /** Time of the last access, nanoseconds since the start of the trace. */
  get lastTime(): number {
    return this.#time[this.#length - 1] ?? this.#handedOnTime;
  }

  /**
   * Appends one access. `time` in nanoseconds since the start of the trace. Bits of `value` beyond the op's width are
   * dropped: engines leave sign extensions there (QEMU logs a byte FFh written to port 402h as FFFFFFFFh).
   */
  push(time: number, port: number, op: Op, value: number, vcpu = 0): void {
    const i = this.#length;
    this.#time[i] = time;
    this.#port[i] = port;
    this.#op[i] = op;
    this.#value[i] = value & (WIDTH_MASKS[(op >>> 1) & 3] ?? 0);
    this.#vcpu[i] = vcpu;
    this.#length = i + 1;
    if (i + 1 === this.#capacity) this.flush();
  }

  /**
   * Appends one string access; `payload` is undefined where only the first element was observed. An instruction that
   * moved more than 1 MiB becomes several accesses.
   */
  pushString(
    time: number,
    port: number,
    direction: Direction,
    width: Width,
    count: number,
    first: number,
    payload: Uint8Array | undefined,
    vcpu = 0,
  ): void {
    const bytes = width / 8;
    const most = MAX_PAYLOAD_BYTES / bytes;
    if (payload !== undefined && count > most) {
      this.pushString(time, port, direction, width, most, first, payload.subarray(0, MAX_PAYLOAD_BYTES), vcpu);
      const rest = payload.subarray(MAX_PAYLOAD_BYTES);
      this.pushString(time, port, direction, width, count - most, Buffer.from(rest).readUIntLE(0, bytes), rest, vcpu);
      return;
    }
    this.#strings.push({ index: this.#length, count, payload });
    this.push(time, port, opOf(direction, width, true), first, vcpu);
  }

  /** Puts a marker before the next access. */
  marker(time: number, text: string): void {
    this.#markers.push({ index: this.#length, time, text });
    this.#flushRemarks();
  }

  /** Puts a gap before the next access. */
  gap(time: number, reason: string, lost?: number): void {
    this.#gaps.push({ index: this.#length, time, reason, lost });
    this.#flushRemarks();
  }

  /** Hands on what has been collected, if anything. */
  flush(): void {
    if (this.#length === 0 && this.#markers.length === 0 && this.#gaps.length === 0) return;
    const batch: AccessBatch = {
      firstSeq: this.#firstSeq,
      length: this.#length,
      time: this.#time,
      port: this.#port,
      op: this.#op,
      value: this.#value,
      vcpu: this.#vcpu,
      strings: this.#strings,
      markers: this.#markers,
      gaps: this.#gaps,
    };
    this.#handedOnTime = this.lastTime;
    this.#firstSeq += this.#length;
    this.#length = 0;
    this.#strings = [];
    this.#markers = [];
    this.#gaps = [];
    this.#sink(batch);
  }

  #flushRemarks(): void {
    if (this.#markers.length + this.#gaps.length === REMARKS_CAPACITY) this.flush();
  }
}

/** The elements of a string access's payload, unsigned. */
export function elementsOf(payload: Uint8Array, width: Width): number[] {
  const bytes = width / 8;
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return Array.from({ length: Math.floor(payload.length / bytes) }, (_, i) => view.readUIntLE(i * bytes, bytes));
}

/** A batch without a row, for remarks and the like that stand before access `firstSeq`. */
export function emptyBatch(firstSeq: number): AccessBatch {
  return {
    firstSeq,
    length: 0,
    time: new Float64Array(0),
    port: new Uint16Array(0),
    op: new Uint8Array(0),
    value: new Uint32Array(0),
    vcpu: new Uint16Array(0),
    strings: [],
    markers: [],
    gaps: [],
  };
}

/** Row `i` of a batch as an object. */
export function accessAt(batch: AccessBatch, i: number): Access {
  const op = batch.op[i] ?? 0;
  const string = isString(op) ? batch.strings.find((s) => s.index === i) : undefined;

  return {
    seq: batch.firstSeq + i,
    time: batch.time[i] ?? 0,
    vcpu: batch.vcpu[i] ?? 0,
    direction: directionOf(op),
    port: batch.port[i] ?? 0,
    width: widthOf(op),
    value: batch.value[i] ?? 0,
    string: isString(op),
    count: string?.count ?? 1,
    payload: string?.payload,
  };
}
