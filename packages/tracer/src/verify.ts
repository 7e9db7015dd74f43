import type { TraceProblem } from "./errors.ts";
import type { IndexEntry, SegmentIndex } from "./format/index-frame.ts";
import type { ByteSource } from "./io/byte-source.ts";
import { TraceWalker, type TraceChunk } from "./trace-walker.ts";

/** What a trace file holds, and everything that is wrong with it. */
export interface TraceReport {
  /** Traces joined in this file, 1 for most. */
  readonly segments: number;
  readonly chunks: number;
  readonly accesses: number;
  /** Bytes of the chunks' frames. */
  readonly chunkBytes: number;
  readonly problems: readonly TraceProblem[];
}

/** Reads a whole trace, indexes included, and checks everything that can be checked. Damage is reported, not thrown. */
export async function verifyTrace(source: ByteSource): Promise<TraceReport> {
  const problems: TraceProblem[] = [];
  const counts = { segments: 0, chunks: 0, accesses: 0, chunkBytes: 0 };
  let segmentOffset = 0;
  let seen: IndexEntry[] = [];
  let whole = true;
  for await (const event of new TraceWalker(source).walk()) {
    if (event.kind === "problem") {
      problems.push(event.problem);
      whole = false;
    } else if (event.kind === "segment") {
      counts.segments++;
      segmentOffset = event.offset;
      seen = [];
      whole = true;
    } else if (event.kind === "index") {
      // Where chunks are lost, that the index still names them is no news.
      const reason = whole ? disagreement(event.index, event.offset - segmentOffset, seen) : undefined;
      const place = { offset: event.offset, length: 0, chunk: counts.chunks };
      if (reason !== undefined) problems.push({ code: "TRACE_INDEX_DAMAGED", ...place, reason });
    } else {
      counts.chunks++;
      counts.accesses += event.chunk.batch.length;
      counts.chunkBytes += event.chunk.frame.length;
      seen.push(entryOf(event.chunk, segmentOffset));
    }
  }
  if (counts.segments === 0 && counts.chunks === 0 && problems.length === 0) {
    problems.push({ code: "TRACE_EMPTY", offset: 0, length: 0, chunk: 0, reason: "the file is empty" });
  }
  return { ...counts, problems };
}

function entryOf(chunk: TraceChunk, segmentOffset: number): IndexEntry {
  return { ...chunk.facts(), offset: chunk.offset - segmentOffset };
}

function disagreement(index: SegmentIndex, length: number, seen: readonly IndexEntry[]): string | undefined {
  if (index.segmentLength !== length) return `the index is for ${index.segmentLength} bytes, not ${length}`;
  if (index.entries.length !== seen.length) return `the index names ${index.entries.length} chunks, not ${seen.length}`;
  const wrong = index.entries.findIndex(
    (entry, i) => JSON.stringify(sorted(entry)) !== JSON.stringify(sorted(seen[i])),
  );
  return wrong === -1 ? undefined : `the index is wrong about the segment's chunk ${wrong}`;
}

function sorted(entry: IndexEntry | undefined): unknown {
  return (
    entry && [
      entry.offset,
      entry.firstSeq,
      entry.count,
      entry.clock,
      entry.baseTime,
      entry.maxTime,
      entry.ports,
      entry.digest,
    ]
  );
}
