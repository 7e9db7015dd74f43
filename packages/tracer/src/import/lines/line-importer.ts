import type { Importer, LeftOut } from "../importer.ts";
import { LineReader, noLines, type LineKind, type LineOptions } from "./line-reader.ts";

/** How a format reads its lines. */
export interface LineFormat {
  /** Reads a line without its line end. */
  line(text: string): LineKind;
  leftOut?(): readonly LeftOut[];
}

/** An importer of a format that is read line by line as text; `limit` as {@link LineReader} has it. */
export function lineImporter(format: LineFormat, options: LineOptions, limit?: number): Importer {
  const counts = noLines();
  const reader = new LineReader(counts, (cursor) => format.line(cursor.rest()), options, limit);
  return {
    counts,
    push: (piece) => reader.push(piece),
    end: () => reader.end(),
    leftOut: () => format.leftOut?.() ?? [],
  };
}
