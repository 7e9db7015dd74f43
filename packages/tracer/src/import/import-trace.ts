import { BatchBuilder } from "../batch.ts";
import { ImportError } from "../errors.ts";
import type { TraceInfo } from "../info.ts";
import type { ByteSink } from "../io/byte-sink.ts";
import { TraceWriter } from "../trace-writer.ts";
import { importFormats } from "./formats.ts";
import type { ImportFormat, LeftOut, LogFacts } from "./importer.ts";
import type { BadLine, LineCounts } from "./lines/line-reader.ts";

/** Bytes of a log that are looked at to tell what it is. */
const HEAD_BYTES = 65_536;

/** How a log is to be read. */
export interface ImportOptions {
  /** Undefined: whichever format recognises one of the first lines. */
  readonly format?: ImportFormat;
  /** What the trace is to say of itself. */
  readonly info: (found: LogFacts & { readonly format: ImportFormat }) => TraceInfo;
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
 * Reads another tool's log and writes it as a trace, with the memory of a batch however long it is. Whatever ends the
 * import, the trace holds what was read before and is closed.
 * @throws ImportError where the format is not given and no format recognises a line; nothing is written then
 */
export async function importTrace(
  pieces: AsyncIterable<Uint8Array>,
  sink: ByteSink,
  options: ImportOptions,
): Promise<ImportReport> {
  const iterator = pieces[Symbol.asyncIterator]();
  const head = await headOf(iterator);
  const { format, facts } = recognised(head, options.format);
  const writer = new TraceWriter(sink, options.info({ ...facts, format }));
  let written: Promise<void> = Promise.resolve();
  const builder = new BatchBuilder((batch) => {
    written = writer.write(batch);
    // Awaited after each piece.
    written.catch(() => undefined);
  });
  const importer = format.open(builder, options.malformed === undefined ? {} : { malformed: options.malformed }, facts);
  try {
    for (const piece of head) importer.push(piece);
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      importer.push(next.value);
      await written;
    }
    importer.end();
  } finally {
    await iterator.return?.();
    builder.flush();
    await written;
    await writer.close();
  }
  return { format, accesses: builder.nextSeq, counts: importer.counts, leftOut: importer.leftOut() };
}

/** The first pieces, as many as are looked at. */
async function headOf(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array[]> {
  const head: Uint8Array[] = [];
  for (let bytes = 0; bytes < HEAD_BYTES;) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    bytes += next.value.length;
  }
  return head;
}

function recognised(
  head: readonly Uint8Array[],
  given: ImportFormat | undefined,
): { readonly format: ImportFormat; readonly facts: LogFacts } {
  const lines = Buffer.concat(head).subarray(0, HEAD_BYTES).toString().split("\n");
  for (const line of lines) {
    for (const format of given === undefined ? importFormats : [given]) {
      const facts = format.recognise(line);
      if (facts !== undefined) return { format, facts };
    }
  }
  if (given !== undefined) return { format: given, facts: { clock: "none" } };
  const names = importFormats.map(({ name }) => name).join(", ");
  throw new ImportError("IMPORT_UNRECOGNISED", `no line at the beginning is of a known format (${names})`);
}
