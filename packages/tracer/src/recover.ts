import { TraceFormatError, type TraceProblem } from "./errors.ts";
import { UNKNOWN_INFO } from "./format/header.ts";
import type { TraceInfo } from "./info.ts";
import type { ByteSink } from "./io/byte-sink.ts";
import type { ByteSource } from "./io/byte-source.ts";
import { TraceWalker } from "./trace-walker.ts";
import { TraceWriter } from "./trace-writer.ts";

/** What was saved of a damaged trace. */
export interface RecoveryReport {
  readonly chunks: number;
  readonly accesses: number;
  /** What was wrong with the file, which is what the saved trace lacks. */
  readonly problems: readonly TraceProblem[];
}

/**
 * Writes every whole chunk of a damaged trace to `sink` as a sealed trace, with a gap wherever chunks were lost. Throws
 * TraceFormatError where nothing of a trace is found, and TraceWriteError.
 */
export async function recoverTrace(source: ByteSource, sink: ByteSink): Promise<RecoveryReport> {
  const problems: TraceProblem[] = [];
  let info: TraceInfo | undefined;
  let writer: TraceWriter | undefined;
  let chunks = 0;
  let accesses = 0;
  for await (const event of new TraceWalker(source).walk()) {
    if (event.kind === "problem") problems.push(event.problem);
    else if (event.kind === "segment") info ??= event.info;
    else if (event.kind === "chunk") {
      writer ??= new TraceWriter(sink, info ?? UNKNOWN_INFO);
      await writer.copy(event.chunk);
      chunks++;
      accesses += event.chunk.batch.length;
    }
  }
  if (writer === undefined && info === undefined) {
    throw new TraceFormatError("TRACE_NOT_PIO", "nothing of a .pio trace was found in this file", {
      offset: 0,
      chunk: 0,
    });
  }
  writer ??= new TraceWriter(sink, info ?? UNKNOWN_INFO);
  await writer.close();
  return { chunks, accesses, problems };
}
