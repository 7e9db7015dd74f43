import { LineCursor, NEWLINE } from "./line-cursor.ts";

/** What a line turned out to be: one of its format, one of something else, or one of its format that cannot be read, and why. */
export type LineKind = "read" | "other" | { readonly bad: string };

/** What has been read of a log. */
export interface LineCounts {
  /** Whole lines. */
  lines: number;
  /** Lines of something else. */
  other: number;
  /** Lines that begin as one of the format and do not go on as one. */
  malformed: number;
  /** Number of the first malformed line, from 1; 0 where there is none. */
  firstMalformed: number;
}

/** A line that could not be read. */
export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
  /** Its beginning. */
  readonly text: string;
}

/** What becomes of lines that hold nothing to be read. */
export interface LineOptions {
  /** Gets each line of something else, without its line end. */
  readonly other?: (line: string) => void;
  /** Gets each line that could not be read; what it throws ends the reading. */
  readonly malformed?: (bad: BadLine) => void;
}

/** Bytes of a line that are handed to people. */
const SHOWN = 4096;

/**
 * Cuts pieces of bytes into lines and counts them. `read` stands at the beginning of a line and reads it as far as it
 * needs to, never past its end. A line that comes in several pieces is kept up to `limit` bytes; what is beyond is dropped.
 */
export class LineReader {
  readonly #counts: LineCounts;
  readonly #read: (cursor: LineCursor) => LineKind;
  readonly #options: LineOptions;
  readonly #limit: number;
  readonly #cursor = new LineCursor();
  #cut = new Uint8Array(SHOWN);
  #cutLength = 0;

  constructor(counts: LineCounts, read: (cursor: LineCursor) => LineKind, options: LineOptions, limit = SHOWN) {
    this.#counts = counts;
    this.#read = read;
    this.#options = options;
    this.#limit = limit;
  }

  /** Reads the next piece. */
  push(piece: Uint8Array): void {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    let from = 0;
    if (end > 0 && this.#cutLength > 0) {
      from = piece.indexOf(NEWLINE) + 1;
      this.#keep(piece.subarray(0, from - 1));
      this.end();
    }
    this.#lines(piece, from, end);
    this.#keep(piece.subarray(end));
  }

  /** Takes what came last as a line, though it had no line end. */
  end(): void {
    if (this.#cutLength === 0) return;
    const line = this.#cut.subarray(0, this.#cutLength + 1);
    line[this.#cutLength] = NEWLINE;
    this.#cutLength = 0;
    this.#lines(line, 0, line.length);
  }

  /** Keeps a piece of a line, and room for its line end. */
  #keep(piece: Uint8Array): void {
    const kept = piece.subarray(0, this.#limit - this.#cutLength);
    const length = this.#cutLength + kept.length;
    if (length >= this.#cut.length) {
      const grown = new Uint8Array(2 * length);
      grown.set(this.#cut.subarray(0, this.#cutLength));
      this.#cut = grown;
    }
    this.#cut.set(kept, this.#cutLength);
    this.#cutLength = length;
  }

  /** Reads whole lines; the byte before `end` ends the last one. */
  #lines(bytes: Uint8Array, from: number, end: number): void {
    const cursor = this.#cursor;
    cursor.bytes = bytes;
    for (let start = from; start < end;) {
      cursor.at = start;
      this.#counts.lines++;
      const kind = this.#read(cursor);
      let at = cursor.at;
      while (bytes[at] !== NEWLINE) at++;
      if (kind !== "read") this.#passOver(kind, start);
      start = at + 1;
    }
  }

  #passOver(kind: Exclude<LineKind, "read">, start: number): void {
    const { other, malformed } = this.#options;
    const text = (): string => {
      this.#cursor.at = start;
      return this.#cursor.rest(SHOWN);
    };
    if (kind === "other") {
      this.#counts.other++;
      other?.(text());
    } else {
      const line = this.#counts.lines;
      if (this.#counts.malformed++ === 0) this.#counts.firstMalformed = line;
      malformed?.({ line, reason: kind.bad, text: text() });
    }
  }
}

/** Counts of nothing. */
export function noLines(): LineCounts {
  return { lines: 0, other: 0, malformed: 0, firstMalformed: 0 };
}
