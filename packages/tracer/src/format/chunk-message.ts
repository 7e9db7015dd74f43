import { Reader } from "protobufjs/minimal.js";
import type { TraceFormatCode } from "../errors.ts";
import type { ClockUnit } from "../info.ts";
import { MAX_CHUNK_ACCESSES, MAX_CHUNK_REMARKS } from "../limits.ts";
import { readUint64 } from "../wire/int64.ts";
import { FIELD } from "./chunk-fields.ts";
import { clockOf } from "./clock.ts";

/** A marker or a gap as it stands in the file. */
export interface RawRemark {
  readonly index: number;
  /** In units of the clock. */
  readonly time: number;
  readonly text: string;
  readonly lost: number | undefined;
}

/** A Chunk message taken apart; its columns are views of the message, still packed. */
export interface ChunkMessage {
  readonly firstSeq: number;
  readonly baseTime: number;
  readonly count: number;
  readonly clock: ClockUnit;
  readonly criticalFeatures: number;
  readonly column: (field: number) => Uint8Array;
  readonly markers: readonly RawRemark[];
  readonly gaps: readonly RawRemark[];
  readonly anchor: string | undefined;
  /** Where the fields that say what was accessed stand together. */
  readonly accesses: Uint8Array;
}

/** What a message says beyond the format's limits or against its rules. */
export class ChunkRuleError extends Error {
  readonly code: TraceFormatCode;

  constructor(code: TraceFormatCode, message: string) {
    super(message);
    this.code = code;
  }
}

const NOTHING = new Uint8Array(0);

/** Takes a Chunk message apart. Throws ChunkRuleError, or a plain Error of protobufjs, where it is malformed. */
export function parseChunk(message: Uint8Array): ChunkMessage {
  const r = Reader.create(message);
  const columns: (Uint8Array | undefined)[] = [];
  const markers: RawRemark[] = [];
  const gaps: RawRemark[] = [];
  let firstSeq = 0;
  let baseTime = 0;
  let count = 0;
  let clock = clockOf(0);
  let criticalFeatures = 0;
  let anchor: string | undefined;
  let begin = 0;
  let end = 0;
  while (r.pos < r.len) {
    const at = r.pos;
    const tag = r.uint32();
    const field = tag >>> 3;
    if (tag === FIELD.firstSeq << 3) firstSeq = readUint64(r);
    else if (tag === FIELD.baseTime << 3) baseTime = readUint64(r);
    else if (tag === FIELD.count << 3) count = r.uint32();
    else if (tag === FIELD.clock << 3) clock = clockOf(r.uint32());
    else if (tag === FIELD.criticalFeatures << 3) criticalFeatures = r.uint32();
    else if (tag === ((FIELD.marker << 3) | 2)) markers.push(parseRemark(r, markers, gaps));
    else if (tag === ((FIELD.gap << 3) | 2)) gaps.push(parseRemark(r, markers, gaps));
    else if (tag === ((FIELD.anchor << 3) | 2)) anchor = r.string();
    else if (field >= FIELD.opPort && field <= FIELD.wideTimeDelta) {
      if ((tag & 7) !== 2 || columns[field] !== undefined) throw invalid(`column ${field} is not one packed field`);
      columns[field] = r.bytes();
      if (field > FIELD.stringPayload) continue;
      if (end === 0) begin = at;
      end = r.pos;
    } else r.skipType(tag & 7);
  }
  if (count > MAX_CHUNK_ACCESSES) throw new ChunkRuleError("TRACE_LIMIT", `${count} accesses in one chunk`);
  const column = (field: number): Uint8Array => columns[field] ?? NOTHING;
  const accesses = message.subarray(begin, end);
  return { firstSeq, baseTime, count, clock, criticalFeatures, column, markers, gaps, anchor, accesses };
}

/** Checks that remarks stand in order and within the chunk. */
export function checkRemarks(remarks: readonly RawRemark[], count: number): void {
  let last = 0;
  for (const { index } of remarks) {
    if (index < last || index > count) throw invalid(`a marker or gap at access ${index} of ${count}`);
    last = index;
  }
}

/** The error for a chunk that breaks a rule of the format. */
export function invalid(reason: string): ChunkRuleError {
  return new ChunkRuleError("TRACE_CHUNK_INVALID", reason);
}

function parseRemark(chunk: Reader, markers: readonly unknown[], gaps: readonly unknown[]): RawRemark {
  if (markers.length + gaps.length >= MAX_CHUNK_REMARKS)
    throw new ChunkRuleError("TRACE_LIMIT", "too many markers and gaps");
  const r = Reader.create(chunk.bytes());
  let index = 0;
  let time = 0;
  let text = "";
  let lost: number | undefined;
  while (r.pos < r.len) {
    const tag = r.uint32();
    if (tag === 1 << 3) index = r.uint32();
    else if (tag === 2 << 3) time = readUint64(r);
    else if (tag === ((3 << 3) | 2)) text = r.string();
    else if (tag === 4 << 3) lost = readUint64(r);
    else r.skipType(tag & 7);
  }
  return { index, time, text, lost };
}
