import { Writer } from "protobufjs/minimal.js";
import type { ClockUnit } from "../info.ts";
import { CHUNK_ACCESSES, CHUNK_BYTES } from "../limits.ts";
import { writeSint64, writeUint64 } from "../wire/int64.ts";
import { MAX_VARINT_BYTES, putVarint } from "../wire/varint.ts";
import type { ChunkCollector, CollectedRemark } from "./chunk-collector.ts";
import { CHUNK_TAG, FIELD } from "./chunk-fields.ts";
import { clockNumber } from "./clock.ts";
import { digestOf } from "./digest.ts";
import { putText } from "./header.ts";
import { sortValues } from "./row-columns.ts";
import { portRuns, type ChunkFacts } from "./summary.ts";
import { chooseEncoding, putValues } from "./values.ts";

/** A chunk before compression. `raw` is valid until the encoder is used again. */
export interface EncodedChunk {
  readonly raw: Uint8Array;
  readonly facts: ChunkFacts;
}

/** Turns what a collector holds into the content of a chunk frame. */
export class ChunkEncoder {
  readonly #clock: ClockUnit;
  readonly #sorted = new Uint32Array(CHUNK_ACCESSES);
  /** Where a column is packed before it goes into the message. */
  readonly #scratch = new Uint8Array(CHUNK_ACCESSES * MAX_VARINT_BYTES);
  #raw = new Uint8Array(2 * CHUNK_BYTES);

  constructor(clock: ClockUnit) {
    this.#clock = clock;
  }

  /** The chunk whose first access has number `firstSeq`. */
  encode(collected: ChunkCollector, firstSeq: number): EncodedChunk {
    const { columns, markers, gaps, anchor } = collected;
    const { count, maxTime } = columns;
    const baseTime = count > 0 ? columns.baseTime : ((markers[0] ?? gaps[0])?.time ?? 0);
    const w = Writer.create();
    writeUint64(w.uint32(FIELD.firstSeq << 3), firstSeq);
    writeUint64(w.uint32(FIELD.baseTime << 3), baseTime);
    w.uint32(FIELD.count << 3).uint32(count);
    if (this.#clock !== "us") w.uint32(FIELD.clock << 3).uint32(clockNumber(this.#clock));
    const begin = w.len;
    this.#encodeOps(w, collected);
    this.#encodeValues(w, collected);
    this.#encodeStrings(w, collected);
    const end = w.len;
    encodeTimes(w, collected);
    for (const marker of markers) encodeRemark(w, FIELD.marker, marker);
    for (const gap of gaps) encodeRemark(w, FIELD.gap, gap);
    if (anchor !== undefined) w.uint32((FIELD.anchor << 3) | 2).string(anchor);
    const message = w.finish();
    const digest = digestOf(message.subarray(begin, end));
    const ports = portRuns(columns.dictionary.ports());
    return {
      raw: this.#wrap(message),
      facts: { firstSeq, count, clock: this.#clock, baseTime, maxTime, ports, digest },
    };
  }

  #encodeOps(w: Writer, { columns: { dictionary, entry, count } }: ChunkCollector): void {
    const vcpus = dictionary.vcpus();
    this.#column(w, FIELD.opPort, dictionary.ports());
    this.#column(w, FIELD.opKind, dictionary.kinds());
    if (vcpus.some((vcpu) => vcpu !== 0)) this.#column(w, FIELD.opVcpu, vcpus);
    this.#column(w, FIELD.op, entry.subarray(0, count));
  }

  #encodeValues(w: Writer, { columns }: ChunkCollector): void {
    sortValues(columns, this.#sorted);
    const encodings = new Uint8Array(columns.dictionary.size);
    let length = 0;
    let start = 0;
    columns.dictionary.kinds().forEach((kind, k) => {
      const rows = columns.rowsOf[k] ?? 0;
      const encoding = chooseEncoding(this.#sorted, start, rows);
      encodings[k] = encoding;
      length = putValues(this.#scratch, length, this.#sorted, start, rows, 1 << ((kind >>> 1) & 3), encoding);
      start += rows;
    });
    putBytes(w, FIELD.valueEncoding, encodings);
    putBytes(w, FIELD.values, this.#scratch.subarray(0, length));
  }

  #encodeStrings(w: Writer, { strings }: ChunkCollector): void {
    this.#column(
      w,
      FIELD.stringCount,
      Uint32Array.from(strings, (s) => s.count),
    );
    this.#column(
      w,
      FIELD.stringObserved,
      Uint8Array.from(strings, (s) => (s.payload === undefined ? 0 : 1)),
    );
    putBytes(w, FIELD.stringPayload, Buffer.concat(strings.flatMap((s) => s.payload ?? [])));
  }

  #column(w: Writer, field: number, numbers: Uint8Array | Uint16Array | Uint32Array): void {
    let length = 0;
    for (let i = 0; i < numbers.length; i++) length = putVarint(this.#scratch, length, numbers[i] ?? 0);
    putBytes(w, field, this.#scratch.subarray(0, length));
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
}

function encodeTimes(w: Writer, { columns: { time, timeLength, wide } }: ChunkCollector): void {
  putBytes(w, FIELD.timeDelta, time.subarray(0, timeLength));
  if (wide.length === 0) return;
  w.uint32((FIELD.wideTimeDelta << 3) | 2).fork();
  for (const delta of wide) writeSint64(w, delta);
  w.ldelim();
}

function encodeRemark(w: Writer, field: number, { index, time, text, lost }: CollectedRemark): void {
  w.uint32((field << 3) | 2).fork();
  w.uint32(1 << 3).uint32(index);
  writeUint64(w.uint32(2 << 3), time);
  putText(w, 3, text);
  if (lost !== undefined) writeUint64(w.uint32(4 << 3), lost);
  w.ldelim();
}

/** Writes a field of bytes, but none for no bytes. */
function putBytes(w: Writer, field: number, bytes: Uint8Array): void {
  if (bytes.length > 0) w.uint32((field << 3) | 2).bytes(bytes);
}
