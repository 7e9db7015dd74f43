import { expect, test } from "vitest";
import { INFO, memorySink, read, SMALL, SMALL_CUTS, write } from "../test/traces.ts";
import { bufferSource } from "./io/byte-source.ts";
import { recoverTrace } from "./recover.ts";
import { TraceReader } from "./trace-reader.ts";
import { verifyTrace } from "./verify.ts";

async function frames(bytes: Uint8Array): Promise<{ offset: number; frame: Buffer }[]> {
  const found: { offset: number; frame: Buffer }[] = [];
  for await (const { offset, frame } of (await TraceReader.open(bufferSource(bytes))).chunks()) {
    found.push({ offset, frame: Buffer.from(frame) });
  }
  return found;
}

async function recover(
  bytes: Uint8Array,
): Promise<{ saved: Buffer; report: Awaited<ReturnType<typeof recoverTrace>> }> {
  const sink = memorySink();
  const report = await recoverTrace(bufferSource(bytes), sink);
  return { saved: sink.bytes(), report };
}

test("a whole trace comes out as it went in", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  expect((await recover(bytes)).saved.equals(bytes)).toBe(true);
});

test("what is left of a damaged trace is copied byte for byte, with a gap for each hole, and sealed", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const parts = await frames(bytes);
  const damaged = Buffer.from(bytes);
  damaged.fill(0, (parts[1]?.offset ?? 0) + 30, (parts[1]?.offset ?? 0) + 34);
  damaged.fill(0, parts[3]?.offset, (parts[3]?.offset ?? 0) + 4);
  const { saved, report } = await recover(damaged);

  expect(report).toMatchObject({ chunks: 3, accesses: 15 });
  expect(report.problems.map((p) => p.chunk)).toEqual([1, 2]);
  const { gaps, reader } = await read(saved);
  expect(gaps.map((g) => [g.index, g.lost])).toEqual([
    [5, 5],
    [15, 5],
    [20, 12],
  ]);
  expect(reader.problems).toEqual([]);
  expect((await verifyTrace(bufferSource(saved))).problems).toEqual([]);
  const kept = (await frames(saved)).map(({ frame }) => frame.toString("hex"));
  for (const i of [0, 2, 4]) expect(kept).toContain(parts[i]?.frame.toString("hex"));
});

test("chunks are saved even where the file header is lost", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const { saved, report } = await recover(Buffer.from(bytes).fill(0x20, 0, 40));
  expect(report).toMatchObject({ chunks: 5, accesses: 25 });
  expect((await read(saved)).rows).toEqual((await read(bytes)).rows);
});

test("a file with nothing of a trace in it is refused", async () => {
  await expect(recover(Buffer.from("no trace"))).rejects.toMatchObject({ code: "TRACE_NOT_PIO" });
});
