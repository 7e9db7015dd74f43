import { ImportError } from "../errors.ts";
import { importFormats } from "./formats.ts";
import type { ImportFormat, LogFacts } from "./importer.ts";

/** Bytes of a log that are looked at to tell what it is. */
const HEAD_BYTES = 65_536;

/** A log of which it is known what it is. */
export interface RecognisedLog {
  readonly format: ImportFormat;
  readonly facts: LogFacts;
  /** All of it, from the first byte on. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * Looks at the first lines of a log to tell what they are, or, where the format is given, what they tell of the log.
 * @throws ImportError where the format is not given and none recognises a line
 */
export async function recogniseLog(pieces: AsyncIterable<Uint8Array>, format?: ImportFormat): Promise<RecognisedLog> {
  const iterator = pieces[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  for (let bytes = 0; bytes < HEAD_BYTES;) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    bytes += next.value.length;
  }
  try {
    return { ...recognised(head, format), pieces: joined(head, iterator) };
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
}

function recognised(head: readonly Uint8Array[], given: ImportFormat | undefined): Omit<RecognisedLog, "pieces"> {
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

/** The pieces that were looked at, then the others. */
async function* joined(
  head: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
