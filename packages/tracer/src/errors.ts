/** What is wrong with a trace file; stable names for programs. */
export type TraceFormatCode =
  | "TRACE_EMPTY"
  | "TRACE_NOT_PIO"
  | "TRACE_TRUNCATED"
  | "TRACE_HEADER_DAMAGED"
  | "TRACE_VERSION"
  | "TRACE_FEATURE"
  | "TRACE_FRAME_DAMAGED"
  | "TRACE_CHUNK_INVALID"
  | "TRACE_CHUNK_ORDER"
  | "TRACE_LIMIT"
  | "TRACE_INDEX_DAMAGED"
  | "TRACE_UNSEALED";

/** One thing wrong with a trace file, and where. */
export interface TraceProblem {
  readonly code: TraceFormatCode;
  /** Byte of the file where it begins. */
  readonly offset: number;
  /** Bytes that could not be used; 0 where nothing was lost. */
  readonly length: number;
  /** Chunk it was found in or after, counted from 0 through the whole file. */
  readonly chunk: number;
  readonly reason: string;
}

/** A trace file that cannot be read. The message names the byte and the chunk. */
export class TraceFormatError extends Error {
  override readonly name = "TraceFormatError";
  readonly code: TraceFormatCode;
  /** Byte of the file. */
  readonly offset: number;
  /** Chunk, counted from 0 through the whole file. */
  readonly chunk: number;
  readonly reason: string;

  constructor(code: TraceFormatCode, reason: string, at: { readonly offset: number; readonly chunk: number }) {
    super(`byte ${at.offset}, chunk ${at.chunk}: ${reason}`);
    this.code = code;
    this.offset = at.offset;
    this.chunk = at.chunk;
    this.reason = reason;
  }
}

/** Why a trace could not be written; stable names for programs. */
export type TraceWriteCode = "TRACE_SINK" | "TRACE_CLOSED" | "TRACE_BATCH" | "TRACE_ORDER";

/**
 * A trace that could not be written. With `TRACE_SINK` the sink's error is the `cause`, and every chunk it took before
 * can be read; the other codes mean the caller broke the contract and nothing of the batch's remainder was taken.
 */
export class TraceWriteError extends Error {
  override readonly name = "TraceWriteError";
  readonly code: TraceWriteCode;

  constructor(code: TraceWriteCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why a log could not be imported; stable names for programs. */
export type ImportCode = "IMPORT_UNRECOGNISED" | "IMPORT_LINE";

/** A log that could not be imported. */
export class ImportError extends Error {
  override readonly name = "ImportError";
  readonly code: ImportCode;

  constructor(code: ImportCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What an error says; of anything else that was thrown, what it is as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
