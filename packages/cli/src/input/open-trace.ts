import { open } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { fileSource, streamSource, TraceReader, type ByteSource, type TraceProblem } from "@portrait/tracer";
import { plural } from "../output/numbers.ts";
import { checkInterrupted, warn, type Session } from "../session.ts";
import { EXIT, type ExitCode } from "../errors.ts";

/** A trace file or stdin, as bytes. */
export interface OpenSource {
  /** For messages. */
  readonly name: string;
  readonly source: ByteSource;
  /** Part of it that has been read, 0 to 1; undefined where its length is not known. */
  progress(): number | undefined;
  close(): Promise<void>;
}

/** A trace being read. */
export interface OpenTrace extends OpenSource {
  readonly reader: TraceReader;
}

/** Opens a file, or stdin for `-`. Rejects with the operating system's error. */
export async function openSource(session: Session, path: string): Promise<OpenSource> {
  if (path === "-") {
    const stdin = streamSource(addAbortSignal(session.signal, session.stdin));
    return sourceOf(session, "stdin", stdin, undefined, () => Promise.resolve());
  }
  const file = await open(path);
  const stat = await file.stat();
  const source = stat.isFile() || stat.isDirectory() ? fileSource(file) : streamSource(file.createReadStream());
  if (stat.isDirectory()) {
    await file.close();
    throw Object.assign(new Error(`${path} is a directory`), { code: "EISDIR", path });
  }
  return sourceOf(session, path, source, stat.isFile() ? stat.size : undefined, () => file.close());
}

/**
 * Opens a trace.
 * @throws TraceFormatError where it is not one.
 */
export async function openTrace(session: Session, path: string): Promise<OpenTrace> {
  const opened = await openSource(session, path);
  try {
    return { ...opened, reader: await TraceReader.open(opened.source) };
  } catch (error) {
    await opened.close();
    if (error instanceof Error) error.message = `${opened.name}: ${error.message}`;
    throw error;
  }
}

function sourceOf(
  session: Session,
  name: string,
  source: ByteSource,
  size: number | undefined,
  close: () => Promise<void>,
): OpenSource {
  let reached = 0;
  const counted: ByteSource = {
    size: () => source.size(),
    read: async (offset, length) => {
      checkInterrupted(session);
      const bytes = await source.read(offset, length);
      if (size !== undefined && offset + bytes.length < size) reached = Math.max(reached, offset);
      return bytes;
    },
  };
  return { name, source: counted, progress: () => (size === undefined ? undefined : reached / size), close };
}

/** Says on stderr what is missing of a trace that has been read through, and gives the exit code for it. */
export async function reportDamage(session: Session, trace: OpenTrace): Promise<ExitCode> {
  for (const problem of trace.reader.problems) await warn(session, `${trace.name}: ${describeProblem(problem)}`);
  return trace.reader.problems.some(({ code }) => code !== "TRACE_UNSEALED") ? EXIT.badInput : EXIT.done;
}

/** `byte 4711, chunk 3: the checksum is wrong (128 bytes unusable)`. */
export function describeProblem({ offset, chunk, reason, length }: TraceProblem): string {
  const lost = length === 0 ? "" : ` (${plural(length, "byte")} unusable)`;
  return `byte ${offset}, chunk ${chunk}: ${reason}${lost}`;
}
