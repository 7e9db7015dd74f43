import { BatchBuilder } from "../batch.ts";
import type { TraceInfo } from "../info.ts";
import type { ByteSink } from "../io/byte-sink.ts";
import { TraceWriter } from "../trace-writer.ts";
import type { ImportFormat, LeftOut } from "./importer.ts";
import type { BadLine, LineCounts } from "./lines/line-reader.ts";
import type { RecognisedLog } from "./recognise-log.ts";

/** How a log is to be read. */
export interface ImportOptions {
  /** What the trace is to say of itself. */
  readonly info: TraceInfo;
  /** Gets each line that could not be read; what it throws ends the import. */
  readonly malformed?: (bad: BadLine) => void;
}

/** What was imported. */
export interface ImportReport {
  readonly format: ImportFormat;
  readonly accesses: number;
  readonly counts: Readonly<LineCounts>;
  readonly leftOut: readonly LeftOut[];
}

/**
 * Writes another tool's log as a trace, with the memory of a batch however long it is. Whatever ends the import, the trace
 * holds what was read before and is closed. Where a line could not be read there is a gap.
 */
export async function importTrace(log: RecognisedLog, sink: ByteSink, options: ImportOptions): Promise<ImportReport> {
  const writer = new TraceWriter(sink, options.info);
  let written: Promise<void> = Promise.resolve();
  const builder = new BatchBuilder((batch) => {
    written = writer.write(batch);
    // Awaited after each piece.
    written.catch(() => undefined);
  });
  let gapAt = -1;
  const malformed = (bad: BadLine): void => {
    options.malformed?.(bad);
    // It may have been an access.
    if (gapAt !== builder.nextSeq) builder.gap(builder.lastTime, `line ${bad.line} of the log could not be read`);
    gapAt = builder.nextSeq;
  };
  const importer = log.format.open(builder, { malformed }, log.facts);
  try {
    for await (const piece of log.pieces) {
      importer.push(piece);
      await written;
    }
    importer.end();
  } finally {
    builder.flush();
    await written;
    await writer.close();
  }
  return { format: log.format, accesses: builder.nextSeq, counts: importer.counts, leftOut: importer.leftOut() };
}
