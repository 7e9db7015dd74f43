import type { AccessBatch } from "./batch.ts";
import { readDirectory, type DirectoryEntry } from "./directory.ts";
import { TraceFormatError, type TraceFormatCode, type TraceProblem } from "./errors.ts";
import { FrameScanner } from "./frame-scanner.ts";
import type { TraceInfo } from "./info.ts";
import type { ByteSource } from "./io/byte-source.ts";
import { ByteWindow } from "./io/byte-window.ts";
import { RangeCutter, type TraceRange } from "./range.ts";
import { FROM_THE_START, TraceWalker, type TraceChunk, type TraceEvent, type WalkStart } from "./trace-walker.ts";

/** What can be wrong with a header that is one. */
const HEADER_FAULTS: ReadonlySet<TraceFormatCode> = new Set(["TRACE_HEADER_DAMAGED", "TRACE_VERSION", "TRACE_FEATURE"]);

/**
 * Reads a trace. What is damaged is passed over: the batch that follows begins with a gap, and {@link problems} says what
 * is missing.
 */
export class TraceReader {
  /** What the trace, or the first of several joined ones, says of itself. */
  readonly info: TraceInfo;
  readonly #source: ByteSource;
  #problems: TraceProblem[] = [];
  /** Where {@link more} goes on, and what it found wrong before that. */
  #position: WalkStart = FROM_THE_START;
  #passed: readonly TraceProblem[] = [];

  private constructor(source: ByteSource, info: TraceInfo) {
    this.#source = source;
    this.info = info;
  }

  /** Throws TraceFormatError where the source does not begin with a usable file header. */
  static async open(source: ByteSource): Promise<TraceReader> {
    const first = await new FrameScanner(new ByteWindow(source), 0).first();
    if (first?.kind === "header") return new TraceReader(source, first.info);
    const at = { offset: 0, chunk: 0 };
    if (first === undefined) throw new TraceFormatError("TRACE_EMPTY", "the file is empty", at);
    if (first.kind === "fault" && HEADER_FAULTS.has(first.code)) {
      const advice = first.code === "TRACE_HEADER_DAMAGED" ? "; `portrait recover` saves the accesses" : "";
      throw new TraceFormatError(first.code, first.reason + advice, at);
    }
    throw new TraceFormatError("TRACE_NOT_PIO", "this is not a .pio trace: it does not begin with a trace header", at);
  }

  /** What the latest pass through the trace found wrong, in the order of the file. Complete once the pass is. */
  get problems(): readonly TraceProblem[] {
    return this.#problems;
  }

  /** The accesses of a range, in batches whose columns are used again for the next one. */
  async *batches(range: TraceRange = {}): AsyncGenerator<AccessBatch, void, undefined> {
    const cutter = new RangeCutter(range);
    for await (const chunk of this.#chunks(await this.#seek(range))) {
      yield* cutter.cut(chunk.batch, chunk.gapBefore);
      if (cutter.done) return;
    }
  }

  /**
   * What the source has beyond what earlier calls have given, for a trace that is being written: every access, marker and gap once.
   * What is half written comes when it is whole. {@link problems} are those of all calls.
   */
  async *more(range: Pick<TraceRange, "toSeq" | "toTime"> = {}): AsyncGenerator<AccessBatch, void, undefined> {
    const cutter = new RangeCutter(range);
    const walker = new TraceWalker(this.#source, this.#position);
    this.#problems = [...this.#passed];
    for await (const event of walker.walk()) {
      if (event.kind === "problem") this.#problems.push(event.problem);
      if (event.kind !== "chunk") continue;
      this.#position = walker.position;
      this.#passed = [...this.#problems];
      yield* cutter.cut(event.chunk.batch, event.chunk.gapBefore);
      if (cutter.done) return;
    }
  }

  /** The chunks as they stand in the file, for tools that copy what they do not change. */
  async *chunks(): AsyncGenerator<TraceChunk, void, undefined> {
    yield* this.#chunks(undefined);
  }

  /** What the file's indexes say of every chunk; undefined where it has none, or not for all of it. */
  directory(): Promise<readonly DirectoryEntry[] | undefined> {
    return readDirectory(this.#source);
  }

  async *#chunks(start: DirectoryEntry | undefined): AsyncGenerator<TraceChunk, void, undefined> {
    this.#problems = [];
    for await (const event of this.#events(start)) {
      if (event.kind === "problem") this.#problems.push(event.problem);
      else if (event.kind === "chunk") yield event.chunk;
    }
  }

  /** Walks from `start` on if the chunk it promises is there, else from the first byte. */
  async *#events(start: DirectoryEntry | undefined): AsyncGenerator<TraceEvent, void, undefined> {
    const events = new TraceWalker(this.#source, start?.start).walk();
    const first = await events.next();
    if (first.done === true) return;
    if (start !== undefined && !isPromised(first.value, start)) {
      yield* new TraceWalker(this.#source).walk();
      return;
    }
    yield first.value;
    yield* events;
  }

  /** The chunk before the one in which the range begins, so that whatever is missing between them is noticed. */
  async #seek({ fromSeq = 0, fromTime = 0 }: TraceRange): Promise<DirectoryEntry | undefined> {
    if (fromSeq <= 0 && fromTime <= 0) return undefined;
    const directory = await this.directory();
    if (directory === undefined) return undefined;
    const found = directory.findIndex((e) => e.firstSeq + e.count >= fromSeq && e.maxTime >= fromTime);
    return directory[(found === -1 ? directory.length : found) - 1];
  }
}

function isPromised(event: TraceEvent, entry: DirectoryEntry): boolean {
  if (event.kind !== "chunk") return false;
  const { offset, batch } = event.chunk;
  return offset === entry.offset && batch.firstSeq === entry.firstSeq && batch.length === entry.count;
}
