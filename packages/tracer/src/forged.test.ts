import { expect, test } from "vitest";
import { encodeAs } from "../test/proto.ts";
import { INFO, memorySink, read, SMALL, SMALL_CUTS, write } from "../test/traces.ts";
import { encodeHeaderFrame } from "./format/header-frame.ts";
import { decodeIndexFrame, IndexBuilder, type IndexEntry } from "./format/index-frame.ts";
import { bufferSource } from "./io/byte-source.ts";
import { encodeFrame } from "./lz4/frame.ts";
import { encodeSkippable, HEADER_FRAME_MAGIC, uint32Bytes } from "./lz4/skippable.ts";
import { xxHash32 } from "./lz4/xxhash32.ts";
import { recoverTrace } from "./recover.ts";
import { TraceReader } from "./trace-reader.ts";
import { verifyTrace } from "./verify.ts";

const HEADER = encodeHeaderFrame(INFO);

/** Two accesses of one op and one of another, in a valid chunk. */
const GOOD = {
  firstSeq: 0,
  baseTime: 10,
  count: 3,
  clock: 1,
  opPort: [0x20, 0xcf8],
  opKind: [1, 5],
  op: [0, 1, 0],
  valueEncoding: [0, 1],
  values: [0x11, 0x20, 1, 2, 3, 0x80],
  timeDelta: [0, 5, 7],
};

function fileOf(...chunks: Record<string, unknown>[]): Buffer {
  return Buffer.concat([HEADER, ...chunks.map((chunk) => encodeFrame(encodeAs("Trace", { chunk: [chunk] })))]);
}

function forgedHeader(version: number, message: Uint8Array): Buffer {
  const covered = Buffer.concat([HEADER.subarray(8, 16), uint32Bytes(version), message]);
  return Buffer.from(encodeSkippable(HEADER_FRAME_MAGIC, [covered, uint32Bytes(xxHash32(covered))]));
}

test("a chunk another program encoded by trace.proto is read", async () => {
  const { rows } = await read(fileOf(GOOD));
  expect(rows.map((r) => [r.time, r.port, r.op, r.value])).toEqual([
    [10, 0x20, 1, 0x11],
    [15, 0xcf8, 5, 0x80030201],
    [22, 0x20, 1, 0x20],
  ]);
});

const faults: readonly [string, Record<string, unknown>][] = [
  ["fewer ops than accesses", { op: [0, 1] }],
  ["more ops than accesses", { op: [0, 1, 0, 0] }],
  ["an op beyond the dictionary", { op: [0, 2, 0] }],
  ["no dictionary", { opPort: [], opKind: [], valueEncoding: [], values: [] }],
  ["a port over 16 bits", { opPort: [0x10020, 0xcf8] }],
  ["fewer ports than kinds", { opPort: [0x20] }],
  ["an unknown width", { opKind: [7, 5] }],
  ["an unknown kind", { opKind: [17, 5] }],
  ["fewer vcpus than kinds", { opVcpu: [1] }],
  ["an unknown value encoding", { valueEncoding: [0, 3] }],
  ["too few values", { values: [0x11, 0x20, 1, 2, 3] }],
  ["too many values", { values: [0x11, 0x20, 1, 2, 3, 4, 5] }],
  ["too few times", { timeDelta: [0, 5] }],
  ["too many times", { timeDelta: [0, 5, 7, 1] }],
  ["a missing wide time delta", { timeDelta: [0, 5, 0xffffffff] }],
  ["a wide time delta too many", { wideTimeDelta: [1] }],
  ["a time before the start", { timeDelta: [0, 0xffffffff, 0], wideTimeDelta: [-11] }],
  ["a time beyond 53 bits", { baseTime: Number.MAX_SAFE_INTEGER }],
  ["a time beyond 53 bits in nanoseconds", { clock: 0, baseTime: 2 ** 52 }],
  ["times without a clock", { clock: 2, baseTime: 0 }],
  ["an unknown clock", { clock: 9 }],
  ["a string op without counts", { opKind: [9, 5] }],
  ["counts without a string op", { stringCount: [1, 1], stringObserved: [false, false] }],
  ["a string access of no elements", { opKind: [9, 5], stringCount: [0, 1], stringObserved: [false, false] }],
  [
    "payload that is missing",
    { opKind: [9, 5], stringCount: [1, 2], stringObserved: [true, true], stringPayload: [1, 2] },
  ],
  [
    "payload left over",
    { opKind: [9, 5], stringCount: [1, 1], stringObserved: [true, true], stringPayload: [1, 2, 3] },
  ],
  ["a payload of 4 GiB", { opKind: [9, 5], stringCount: [1, 0xffffffff], stringObserved: [false, true] }],
  ["a marker beyond the end", { marker: [{ index: 4 }] }],
  ["a number of lost accesses beyond 53 bits", { gap: [{ index: 0, lost: 2 ** 60 }] }],
  ["gaps out of order", { gap: [{ index: 2 }, { index: 1 }] }],
  ["too many accesses", { count: 2 ** 20 + 1 }],
  ["a billion accesses", { count: 0xffffffff }],
  ["too many ops", { opKind: new Array(65_537).fill(1), opPort: new Array(65_537).fill(1) }],
  ["too many markers", { marker: new Array(65_537).fill({}) }],
  ["an access number beyond 53 bits", { firstSeq: Number.MAX_SAFE_INTEGER }],
  ["features from the future", { criticalFeatures: 4 }],
];
test.each(faults)("a chunk with %s is passed over, and the next one read after a gap", async (_name, fault) => {
  const { rows, gaps, reader } = await read(fileOf({ ...GOOD, ...fault }, { ...GOOD, firstSeq: 3 }));
  expect(rows).toHaveLength(3);
  expect(gaps).toHaveLength(1);
  const [problem] = reader.problems;
  expect(problem).toMatchObject({ offset: HEADER.length, chunk: 0 });
  expect(problem?.code).toMatch(/^TRACE_(CHUNK_INVALID|LIMIT|FEATURE)$/);
});

test("chunks out of order are passed over", async () => {
  const { rows, reader } = await read(fileOf({ ...GOOD, firstSeq: 100 }, GOOD, { ...GOOD, firstSeq: 103 }));
  expect(rows).toHaveLength(6);
  expect(reader.problems[0]).toMatchObject({ code: "TRACE_CHUNK_ORDER", chunk: 1 });
});

test("a frame that claims more than 4 MiB is passed over before memory is taken", async () => {
  const frame = Buffer.from(encodeFrame(new Uint8Array(5000)));
  frame.writeUInt32LE(0xfffffff0, 6);
  frame[14] = (xxHash32(frame.subarray(4, 14)) >>> 8) & 255;
  const { reader } = await read(Buffer.concat([HEADER, frame]));
  expect(reader.problems[0]).toMatchObject({ code: "TRACE_FRAME_DAMAGED", reason: "more than 4 MiB in one chunk" });
});

test("unknown fields are ignored, and survive recovery", async () => {
  const raw = Buffer.from(encodeAs("Trace", { chunk: [GOOD] }));
  const unknown = Buffer.from("fa3e066d617276656c", "hex");
  raw[1] = raw.length - 2 + unknown.length;
  const sink = memorySink();
  const frame = encodeFrame(Buffer.concat([raw, unknown]));
  await recoverTrace(bufferSource(Buffer.concat([HEADER, frame])), sink);
  expect((await read(sink.bytes())).rows).toHaveLength(3);
  expect(sink.bytes().includes(Buffer.from(frame))).toBe(true);
});

test.each([
  ["version", forgedHeader(2, new Uint8Array(0)), "TRACE_VERSION"],
  ["critical feature", forgedHeader(1, encodeAs("FileHeader", { criticalFeatures: 1 })), "TRACE_FEATURE"],
])("a header with an unknown %s is refused, and nothing after it is read", async (_name, header, code) => {
  const file = Buffer.concat([header, (await write(SMALL, INFO)).subarray(HEADER.length)]);
  await expect(TraceReader.open(bufferSource(file))).rejects.toMatchObject({ code });
  expect(await verifyTrace(bufferSource(file))).toMatchObject({ accesses: 0, problems: [{ code }] });
});

test("a malformed header is refused", async () => {
  const file = forgedHeader(1, Buffer.from([0x3a, 0x7f]));
  await expect(TraceReader.open(bufferSource(file))).rejects.toMatchObject({ code: "TRACE_HEADER_DAMAGED" });
});

test("foreign skippable frames are skipped", async () => {
  const good = await write(SMALL, INFO);
  const note = encodeSkippable(0x184d2a53, [Buffer.from("a note of another tool")]);
  const { rows, reader } = await read(Buffer.concat([good, note]));
  expect(rows).toHaveLength(25);
  expect(reader.problems).toEqual([]);
});

const lies: readonly [string, (entries: IndexEntry[]) => IndexEntry[]][] = [
  ["names chunks in another order", (e) => e.toReversed()],
  [
    "gives chunks the place of later ones",
    (e) => e.map((entry, i) => ({ ...entry, offset: (e[i + 2] ?? entry).offset })),
  ],
  ["numbers accesses too high", (e) => e.map((entry) => ({ ...entry, firstSeq: entry.firstSeq + 3 }))],
  ["names no chunks", () => []],
  ["leaves chunks out", (e) => e.filter((_, i) => i % 2 === 0)],
];

async function withIndex(lie: (entries: IndexEntry[]) => IndexEntry[]): Promise<Buffer> {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const end = bytes.lastIndexOf(Buffer.from("5e2a4d18", "hex"));
  const index = decodeIndexFrame(bytes.subarray(end));
  if (typeof index === "string") throw new Error(index);
  const builder = new IndexBuilder();
  for (const entry of lie([...index.entries])) builder.add(entry);
  return Buffer.concat([bytes.subarray(0, end), builder.finish(end) ?? Buffer.alloc(0)]);
}

test("an index that names chunks in another order is none", async () => {
  const reader = await TraceReader.open(bufferSource(await withIndex((entries) => entries.toReversed())));
  expect(await reader.directory()).toBeUndefined();
});

test.each(lies)("an index that %s is reported, and leads nobody astray", async (_name, lie) => {
  const file = await withIndex(lie);
  expect((await verifyTrace(bufferSource(file))).problems).toMatchObject([{ code: "TRACE_INDEX_DAMAGED" }]);
  const found: number[] = [];
  for (let fromSeq = 0; fromSeq < 25; fromSeq++) found.push((await read(file, { fromSeq })).rows.length);
  expect(found).toEqual(SMALL.rows.map((_, i) => 25 - i));
});

test("a file made to be searched for ever is given up", async () => {
  // Frame headers every 19 bytes, each of a 4 MiB block that ends in zeros, so that each is looked at whole.
  const bait = Buffer.from(encodeFrame(Buffer.alloc(4 << 20))).subarray(0, 19);
  bait.writeUInt32LE(((4 << 20) | 0x80000000) >>> 0, 15);
  const file = Buffer.concat([HEADER, ...new Array<Buffer>(20_000).fill(bait), Buffer.alloc(5 << 20)]);
  const { problems } = await verifyTrace(bufferSource(file));
  expect(problems[0]?.reason).toContain("given up");
});
