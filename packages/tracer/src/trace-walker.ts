import type { AccessBatch, Gap } from "./batch.ts";
import { TraceFormatError, type TraceFormatCode, type TraceProblem } from "./errors.ts";
import { ChunkDecoder, type DecodedChunk } from "./format/chunk-decoder.ts";
import type { SegmentIndex } from "./format/index-frame.ts";
import type { ChunkFacts } from "./format/summary.ts";
import { FrameScanner, type Frame } from "./frame-scanner.ts";
import type { TraceInfo } from "./info.ts";
import type { ByteSource } from "./io/byte-source.ts";
import { ByteWindow } from "./io/byte-window.ts";

/** A chunk as it stands in a file. Everything it refers to is valid until the next chunk is asked for. */
export interface TraceChunk {
  /** Byte of the file where its frame begins. */
  readonly offset: number;
  /** Counted from 0 through the whole file. */
  readonly number: number;
  /** The whole frame. */
  readonly frame: Uint8Array;
  /** All accesses of the chunk, up to 1,048,576, with sequence numbers and times of the whole file. */
  readonly batch: AccessBatch;
  /** True where those differ from what the frame says, because the file is several traces joined. */
  readonly rebased: boolean;
  /** What is missing between the chunk before and this one; not part of the batch. */
  readonly gapBefore: Gap | undefined;
  /** What an index says of this chunk, as the frame has it. */
  facts(): ChunkFacts;
}

/** What a walk through a trace comes by. */
export type TraceEvent =
  | { readonly kind: "segment"; readonly offset: number; readonly info: TraceInfo }
  | { readonly kind: "chunk"; readonly chunk: TraceChunk }
  | { readonly kind: "index"; readonly offset: number; readonly index: SegmentIndex }
  | { readonly kind: "problem"; readonly problem: TraceProblem };

/** Where a walk begins, and what is known there of what came before. */
export interface WalkStart {
  readonly offset: number;
  readonly chunk: number;
  /** Number the next access should have; undefined at the start of a file. */
  readonly expected: number | undefined;
  /** What is added to the sequence numbers and times of the segment's chunks. */
  readonly seqBase: number;
  readonly timeBase: number;
  /** Latest time so far, nanoseconds. */
  readonly lastTime: number;
  /** Header of the file's first segment. */
  readonly info: TraceInfo | undefined;
}

/** A walk from the first byte. */
export const FROM_THE_START: WalkStart = {
  offset: 0,
  chunk: 0,
  expected: undefined,
  seqBase: 0,
  timeBase: 0,
  lastTime: 0,
  info: undefined,
};

/** What is added to the times of a joined trace: its wall-clock distance, or else it follows at once. */
export function seamTime(first: TraceInfo | undefined, next: TraceInfo, lastTime: number): number {
  if (first?.startedAt === undefined || next.startedAt === undefined) return lastTime;
  const distance = Number(next.startedAt - first.startedAt);
  return distance > lastTime && distance <= Number.MAX_SAFE_INTEGER ? distance : lastTime;
}

/** True where a joined trace is the next part of the recording that the first is of, and nothing is missing between them. */
export function goesOn(
  first: TraceInfo | undefined,
  next: TraceInfo,
  firstSeq: number | undefined,
  expected: number | undefined,
): boolean {
  return next.startedAt !== undefined && next.startedAt === first?.startedAt && firstSeq === expected;
}

/** Goes through a trace from one end to the other, past whatever is damaged. */
export class TraceWalker {
  readonly #scanner: FrameScanner;
  readonly #decoder = new ChunkDecoder();
  readonly #atStart: boolean;
  #number: number;
  #expected: number | undefined;
  #seqBase: number;
  #timeBase: number;
  #lastTime: number;
  #info: TraceInfo | undefined;
  /** Header of the present segment. */
  #segment: TraceInfo | undefined;
  /** Why something is missing before the next chunk. */
  #missing: "damage" | "seam" | undefined;
  #damage = "";
  /** The segment's version or features are unknown, so its chunks must not be read. */
  #refused = false;
  #sealed = false;
  #cut = false;

  constructor(source: ByteSource, start: WalkStart = FROM_THE_START) {
    this.#scanner = new FrameScanner(new ByteWindow(source), start.offset);
    this.#atStart = start.offset === 0;
    this.#number = start.chunk;
    this.#expected = start.expected;
    this.#seqBase = start.seqBase;
    this.#timeBase = start.timeBase;
    this.#lastTime = start.lastTime;
    this.#info = start.info;
  }

  /** Where a later walk goes on behind the chunk this one has given last. */
  get position(): WalkStart {
    return {
      offset: this.#scanner.offset,
      chunk: this.#number,
      expected: this.#expected,
      seqBase: this.#seqBase,
      timeBase: this.#timeBase,
      lastTime: this.#lastTime,
      info: this.#info,
    };
  }

  async *walk(): AsyncGenerator<TraceEvent, void, undefined> {
    let first = this.#atStart;
    for (let scanned = await this.#scanner.next(); scanned !== undefined; scanned = await this.#scanner.next()) {
      if (scanned.kind === "header") {
        if (!first && !this.#sealed) yield this.#unsealed(scanned.offset);
        this.#enter(scanned.info, first);
        yield { kind: "segment", offset: scanned.offset, info: scanned.info };
      } else if (scanned.kind === "chunk") {
        const event = this.#chunk(scanned);
        this.#number++;
        if (event !== undefined) yield event;
      } else if (scanned.kind === "index") {
        this.#sealed = true;
        if (!this.#refused) yield { kind: "index", offset: scanned.offset, index: scanned.index };
      } else if (scanned.kind === "problem") {
        this.#damaged(scanned.code, scanned.reason);
        const { code, offset, length, reason } = scanned;
        yield { kind: "problem", problem: { code, offset, length, chunk: this.#number, reason } };
      }
      first = false;
    }
    if (!first && !this.#sealed && !this.#cut) yield this.#unsealed(this.#scanner.offset);
  }

  #enter(info: TraceInfo, first: boolean): void {
    this.#sealed = false;
    this.#refused = false;
    this.#segment = info;
    if (first) {
      this.#info = info;
      return;
    }
    this.#missing = "seam";
    this.#timeBase = seamTime(this.#info, info, this.#lastTime);
    this.#info ??= info;
  }

  #damaged(code: TraceFormatCode, reason: string): void {
    this.#cut = code === "TRACE_TRUNCATED";
    if (code === "TRACE_INDEX_DAMAGED") {
      this.#sealed = true;
      return;
    }
    if (code === "TRACE_VERSION" || code === "TRACE_FEATURE") this.#refused = true;
    this.#missing ??= "damage";
    this.#damage = reason;
  }

  #chunk(frame: Frame & { readonly kind: "chunk" }): TraceEvent | undefined {
    this.#sealed = false;
    this.#cut = false;
    if (this.#refused) return undefined;
    try {
      return { kind: "chunk", chunk: this.#place(frame, this.#decoder.decode(frame.raw, this.#at(frame.offset))) };
    } catch (error) {
      if (!(error instanceof TraceFormatError)) throw error;
      this.#missing ??= "damage";
      this.#damage = error.reason;
      const { code, offset, chunk, reason } = error;
      return { kind: "problem", problem: { code, offset, length: frame.length, chunk, reason } };
    }
  }

  /** Puts a decoded chunk in its place in the whole file. Throws TraceFormatError where it has none. */
  #place(frame: Frame & { readonly kind: "chunk" }, chunk: DecodedChunk): TraceChunk {
    const expected = this.#expected ?? chunk.firstSeq;
    this.#passSeam(chunk.firstSeq, expected);
    let firstSeq = chunk.firstSeq + this.#seqBase;
    if (this.#missing === "seam" || (firstSeq < expected && this.#missing === "damage")) {
      if (this.#missing === "damage") this.#timeBase = this.#lastTime;
      this.#missing = "seam";
      this.#seqBase = expected - chunk.firstSeq;
      firstSeq = expected;
    }
    const maxTime = chunk.maxTime + this.#timeBase;
    if (firstSeq < expected) {
      throw new TraceFormatError(
        "TRACE_CHUNK_ORDER",
        `access ${firstSeq} after ${expected - 1}`,
        this.#at(frame.offset),
      );
    }
    if (!Number.isSafeInteger(firstSeq + chunk.count) || maxTime > Number.MAX_SAFE_INTEGER) {
      throw new TraceFormatError("TRACE_CHUNK_INVALID", "a number beyond 53 bits", this.#at(frame.offset));
    }
    const batch = this.#rebase(chunk, firstSeq);
    const gapBefore = this.#gap(batch, firstSeq - expected);
    this.#expected = firstSeq + chunk.count;
    this.#lastTime = Math.max(this.#lastTime, maxTime);
    this.#missing = undefined;
    return {
      offset: frame.offset,
      number: this.#number,
      frame: frame.bytes,
      batch,
      rebased: this.#timeBase !== 0 || this.#seqBase !== 0,
      gapBefore,
      facts: () => chunk.facts(),
    };
  }

  /** Between parts of one recording there is no seam: numbers and times go on. */
  #passSeam(firstSeq: number, expected: number): void {
    if (this.#missing !== "seam" || this.#segment === undefined || this.#seqBase !== 0) return;
    if (!goesOn(this.#info, this.#segment, firstSeq, expected)) return;
    this.#missing = undefined;
    this.#timeBase = 0;
  }

  #rebase(chunk: DecodedChunk, firstSeq: number): AccessBatch {
    const base = this.#timeBase;
    const { count: length, time, port, op, value, vcpu, strings, markers, gaps, anchor } = chunk;
    if (base !== 0) for (let i = 0; i < length; i++) time[i] = (time[i] ?? 0) + base;
    return {
      firstSeq,
      length,
      time,
      port,
      op,
      value,
      vcpu,
      strings,
      markers: markers.map((m) => ({ index: m.index, time: m.time + base, text: m.text })),
      gaps: gaps.map((g) => ({ index: g.index, time: g.time + base, reason: g.text, lost: g.lost })),
      // It names accesses by numbers that hold only where none were changed.
      ...(anchor !== undefined && this.#seqBase === 0 && { anchor }),
    };
  }

  #gap(batch: AccessBatch, jump: number): Gap | undefined {
    if (this.#missing === undefined) return undefined;
    const time = (batch.length > 0 ? batch.time[0] : (batch.markers[0] ?? batch.gaps[0])?.time) ?? 0;
    const seam = this.#missing === "seam";
    const reason = seam
      ? "traces joined: what happened between them was not observed"
      : `damaged file: ${this.#damage}`;
    return { index: 0, time, reason, lost: seam || this.#expected === undefined ? undefined : jump };
  }

  #unsealed(offset: number): TraceEvent {
    const reason = "the trace was not closed: whatever came after this point is missing";
    return { kind: "problem", problem: { code: "TRACE_UNSEALED", offset, length: 0, chunk: this.#number, reason } };
  }

  #at(offset: number): { readonly offset: number; readonly chunk: number } {
    return { offset, chunk: this.#number };
  }
}
