import { expect, test } from "vitest";
import { INFO, memorySink, read, SMALL, SMALL_CUTS, write } from "../test/traces.ts";
import { bufferSource } from "./io/byte-source.ts";
import { recoverTrace } from "./recover.ts";
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
