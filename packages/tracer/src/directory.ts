import type { IndexEntry } from "./format/index-frame.ts";
import { decodeIndexFrame, indexFrameLength, INDEX_FOOTER_BYTES, type SegmentIndex } from "./format/index-frame.ts";
import { nanosecondsIn } from "./format/clock.ts";
import { FrameScanner } from "./frame-scanner.ts";
import type { TraceInfo } from "./info.ts";
import type { ByteSource } from "./io/byte-source.ts";
import { ByteWindow } from "./io/byte-window.ts";
import { goesOn, seamTime, type WalkStart } from "./trace-walker.ts";

/** One chunk of a trace as the file's indexes describe it. */
export interface DirectoryEntry {
  /** Byte of the file where the chunk's frame begins. */
  readonly offset: number;
  readonly firstSeq: number;
  readonly count: number;
  /** Latest time in the chunk, nanoseconds since the start of the trace. */
  readonly maxTime: number;
  /** Ports accessed, as inclusive runs in ascending order. */
  readonly ports: IndexEntry["ports"];
  /** Equal digests mean equal accesses but for their times; different ones mean nothing. */
  readonly digest: string;
  /** How a walk begins at this chunk. */
  readonly start: WalkStart;
}

interface Segment {
  readonly offset: number;
  readonly info: TraceInfo;
  readonly index: SegmentIndex;
}

/** All chunks of a file; undefined where some part of it has no usable index. */
export async function readDirectory(source: ByteSource): Promise<readonly DirectoryEntry[] | undefined> {
  const size = await source.size();
  if (size === undefined) return undefined;
  const segments: Segment[] = [];
  for (let end = size; end > 0; end = segments[0]?.offset ?? 0) {
    const segment = await segmentBefore(source, end);
    if (segment === undefined) return undefined;
    segments.unshift(segment);
  }
  return place(segments);
}

async function segmentBefore(source: ByteSource, end: number): Promise<Segment | undefined> {
  if (end < INDEX_FOOTER_BYTES) return undefined;
  const length = indexFrameLength(await source.read(end - INDEX_FOOTER_BYTES, INDEX_FOOTER_BYTES));
  if (length === undefined || length > end) return undefined;
  const index = decodeIndexFrame(await source.read(end - length, length));
  if (typeof index === "string" || index.segmentLength > end - length) return undefined;
  const offset = end - length - index.segmentLength;
  const header = await new FrameScanner(new ByteWindow(source), offset).next();
  return header?.kind === "header" ? { offset, info: header.info, index } : undefined;
}

/** Numbers the chunks through the whole file, the way a walk does. */
function place(segments: readonly Segment[]): DirectoryEntry[] | undefined {
  const directory: DirectoryEntry[] = [];
  const info = segments[0]?.info;
  let expected: number | undefined;
  let lastTime = 0;
  let seqBase = 0;
  for (const segment of segments) {
    const { entries } = segment.index;
    const seam =
      segment.offset > 0 && (seqBase !== 0 || !goesOn(info, segment.info, entries[0]?.firstSeq, expected ?? 0));
    seqBase = seam ? (expected ?? 0) - (entries[0]?.firstSeq ?? 0) : 0;
    const timeBase = seam ? seamTime(info, segment.info, lastTime) : 0;
    for (const entry of entries) {
      const firstSeq = entry.firstSeq + seqBase;
      const maxTime = entry.maxTime * nanosecondsIn(entry.clock) + timeBase;
      const offset = segment.offset + entry.offset;
      if (firstSeq < (expected ?? 0) || entry.offset >= segment.index.segmentLength) return undefined;
      const start = { offset, chunk: directory.length, expected, seqBase, timeBase, lastTime, info };
      directory.push({
        offset,
        firstSeq,
        count: entry.count,
        maxTime,
        ports: entry.ports,
        digest: entry.digest,
        start,
      });
      expected = firstSeq + entry.count;
      lastTime = Math.max(lastTime, maxTime);
    }
  }
  return directory;
}
