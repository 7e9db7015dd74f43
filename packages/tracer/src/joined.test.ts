import { describe, expect, test } from "vitest";
import { batchOf, INFO, memorySink, read, SMALL, SMALL_CUTS, write } from "../test/traces.ts";
import type { TraceInfo } from "./info.ts";
import { bufferSource } from "./io/byte-source.ts";
import { recoverTrace } from "./recover.ts";
import { TraceReader } from "./trace-reader.ts";
import { TraceWriter } from "./trace-writer.ts";
import { verifyTrace } from "./verify.ts";

const later = (seconds: bigint) => ({
  ...INFO,
  startedAt: (INFO.startedAt ?? 0n) + seconds * 1_000_000_000n,
  command: ["later"],
});
const last = SMALL.rows.at(-1)?.time ?? 0;

test("joined traces read as one: numbers go on, times keep their wall-clock distance, a gap stands at the seam", async () => {
  const joined = Buffer.concat([await write(SMALL, INFO, SMALL_CUTS), await write(SMALL, later(60n), SMALL_CUTS)]);
  const { rows, gaps, markers, reader } = await read(joined);
  expect(rows.map((r) => r.value)).toEqual([...SMALL.rows, ...SMALL.rows].map((r) => r.value));
  expect(rows.map((r) => r.time)).toEqual([...SMALL.rows.map((r) => r.time), ...SMALL.rows.map((r) => r.time + 60e9)]);
  expect(gaps.map((g) => [g.index, g.lost])).toEqual([
    [20, 12],
    [25, undefined],
    [45, 12],
  ]);
  expect(markers.map((m) => [m.index, m.time])).toEqual([
    [3, 3000],
    [28, 3000 + 60e9],
  ]);
  expect(reader.info).toEqual(INFO);
  expect(reader.problems).toEqual([]);
  expect(await verifyTrace(bufferSource(joined))).toMatchObject({
    segments: 2,
    chunks: 10,
    accesses: 50,
    problems: [],
  });
});

test.each([
  ["no wall clock", { ...INFO, startedAt: undefined }],
  ["a wall clock that went back", later(-60n)],
])("with %s, times go on where the first trace ended", async (_name, info) => {
  const { rows } = await read(Buffer.concat([await write(SMALL, INFO), await write(SMALL, info)]));
  expect(rows[25]?.time).toBe(last + (SMALL.rows[0]?.time ?? 0));
});

describe("parts of one recording", () => {
  const CUT = 12;
  const { rows } = SMALL;
  const part = async (from: number, to: number, change: Partial<TraceInfo> = {}) => {
    const sink = memorySink();
    const writer = new TraceWriter(sink, { ...INFO, ...change });
    await writer.write({ ...batchOf({ rows, markers: [], gaps: [] }, from, to), anchor: `known at ${from}` });
    await writer.close();
    return sink.bytes();
  };
  const anchorsOf = async (bytes: Buffer) => {
    const anchors: (string | undefined)[] = [];
    for await (const { anchor } of (await TraceReader.open(bufferSource(bytes))).batches()) anchors.push(anchor);
    return anchors;
  };

  test("read as the recording: no seam, no gap, and what was known stands where it was", async () => {
    const joined = Buffer.concat([await part(0, CUT), await part(CUT, rows.length)]);
    const found = await read(joined);
    expect(found.rows).toEqual(rows);
    expect(found.gaps).toEqual([]);
    expect((await read(joined, { fromSeq: CUT + 3 })).rows).toEqual(rows.slice(CUT + 3));
    expect(await anchorsOf(joined)).toEqual(["known at 0", `known at ${CUT}`]);
  });

  test.each<[string, number, Partial<TraceInfo>]>([
    ["one between them is missing", CUT + 1, {}],
    ["they are of two recordings", CUT, { startedAt: (INFO.startedAt ?? 0n) + 60_000_000_000n }],
  ])("have a gap between them where %s", async (_, from, change) => {
    const joined = Buffer.concat([await part(0, CUT), await part(from, rows.length, change)]);
    expect((await read(joined)).gaps.map(({ index }) => index)).toEqual([CUT]);
  });

  test("lose what was known where their numbers no longer hold", async () => {
    const joined = Buffer.concat([await part(0, CUT), await part(CUT + 1, rows.length)]);
    expect(await anchorsOf(joined)).toEqual(["known at 0", undefined]);
  });
});

test("an anchor of more than 3 MiB is refused", async () => {
  const writer = new TraceWriter(memorySink(), INFO);
  const anchor = "x".repeat((3 << 20) + 1);
  await expect(writer.write({ ...batchOf(SMALL), anchor })).rejects.toMatchObject({ code: "TRACE_BATCH" });
});

test("a range of joined traces is found through their indexes", async () => {
  const joined = Buffer.concat([await write(SMALL, INFO, SMALL_CUTS), await write(SMALL, later(60n), SMALL_CUTS)]);
  const whole = await read(joined);
  const part = await read(joined, { fromSeq: 33, toSeq: 41 });
  expect(part.rows).toEqual(whole.rows.slice(33, 41));
  const timed = await read(joined, { fromTime: 60e9 + 7000 });
  expect(timed.rows).toEqual(whole.rows.slice(32));
  const seam = await read(joined, { fromSeq: 25, toSeq: 26 });
  expect(seam.gaps).toMatchObject([{ index: 25 }]);
});

test("recovering joined traces makes them one sealed trace", async () => {
  const joined = Buffer.concat([await write(SMALL, INFO, SMALL_CUTS), await write(SMALL, later(60n), SMALL_CUTS)]);
  const sink = memorySink();
  await recoverTrace(bufferSource(joined), sink);
  const { reader: _, ...saved } = await read(sink.bytes());
  const { reader: __, ...original } = await read(joined);
  expect(saved).toEqual(original);
  expect(await verifyTrace(bufferSource(sink.bytes()))).toMatchObject({ segments: 1, accesses: 50, problems: [] });
});

test("a trace appended to one that was cut off is read", async () => {
  const cut = (await write(SMALL, INFO, SMALL_CUTS)).subarray(0, -300);
  const { rows, reader } = await read(Buffer.concat([cut, await write(SMALL, later(60n), SMALL_CUTS)]));
  expect(rows.slice(-25).map((r) => r.value)).toEqual(SMALL.rows.map((r) => r.value));
  expect(reader.problems.length).toBeGreaterThan(0);
});
