import { expect, test } from "vitest";
import { batchOf, INFO, memorySink, read, SMALL, SMALL_CUTS, write } from "../test/traces.ts";
import { BatchBuilder, type AccessBatch } from "./batch.ts";
import { bufferSource } from "./io/byte-source.ts";
import { TraceReader } from "./trace-reader.ts";
import { TraceWriter } from "./trace-writer.ts";

test("a batch may be used again as soon as write has returned", async () => {
  const sink = memorySink();
  const writer = new TraceWriter(sink, INFO);
  const batch = batchOf(SMALL);
  const written = writer.write(batch);
  batch.value.fill(0xff);
  batch.time.fill(0);
  for (const { payload } of batch.strings) payload?.fill(0xff);
  await written;
  await writer.close();
  expect((await read(sink.bytes())).rows).toEqual(SMALL.rows.map((r) => ({ ...r, string: r.string })));
});

test("a chunk ends at 16,384 accesses, or at 64 KiB of payload", async () => {
  const sink = memorySink();
  const writer = new TraceWriter(sink, INFO);
  const written: Promise<void>[] = [];
  const builder = new BatchBuilder((batch) => written.push(writer.write(batch)), { capacity: 5000 });
  for (let i = 0; i < 20_000; i++) builder.push(i, 0x80, 1, i & 255);
  for (let i = 0; i < 300; i++) builder.pushString(20_000 + i, 0x1f0, "in", 16, 256, 0, new Uint8Array(512));
  builder.flush();
  await Promise.all(written);
  await writer.close();
  const counts: number[] = [];
  for await (const chunk of (await TraceReader.open(bufferSource(sink.bytes()))).chunks())
    counts.push(chunk.batch.length);
  expect(counts).toEqual([16_384, 3616 + 113, 127, 60]);
});

test("where chunks end does not depend on the clock", async () => {
  const told = {
    ...SMALL,
    rows: Array.from({ length: 40_000 }, (_, i) => ({ time: i * 4e6, port: i & 255, op: 5, value: i, vcpu: 0 })),
  };
  const digests: string[][] = [];
  for (const clock of ["us", "ns", "none"] as const) {
    const reader = await TraceReader.open(bufferSource(await write(told, { ...INFO, clock })));
    digests.push((await reader.directory())?.map((e) => `${e.firstSeq} ${e.digest}`) ?? []);
  }
  expect(digests[0]).toHaveLength(4);
  expect(digests[1]).toEqual(digests[0]);
  expect(digests[2]).toEqual(digests[0]);
});

test("digests tell chunks with other accesses apart", async () => {
  const other = { ...SMALL, rows: SMALL.rows.map((r, i) => (i === 12 ? { ...r, value: r.value ^ 1 } : r)) };
  const [a, b] = await Promise.all(
    [SMALL, other].map(async (told) =>
      (await TraceReader.open(bufferSource(await write(told, INFO, SMALL_CUTS)))).directory(),
    ),
  );
  expect(a?.map((e, i) => e.digest === b?.[i]?.digest)).toEqual([true, true, false, true, true]);
});

test("a full disk leaves every chunk before it, and the cause in a typed error", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const pieces: Uint8Array[] = [];
  const full = new Error("ENOSPC: no space left on device");
  const writer = new TraceWriter(
    {
      write: (piece) => {
        if (pieces.length === 3) return Promise.reject(full);
        pieces.push(piece);
        return Promise.resolve();
      },
    },
    INFO,
  );
  await writer.write(batchOf(SMALL, 0, 5)).then(() => writer.flush());
  await writer.write(batchOf(SMALL, 5, 10)).then(() => writer.flush());
  await writer.write(batchOf(SMALL, 10, 15));
  await expect(writer.flush()).rejects.toMatchObject({ code: "TRACE_SINK", cause: full });
  await expect(writer.write(batchOf(SMALL, 15, 20))).rejects.toMatchObject({ code: "TRACE_SINK" });
  await expect(writer.close()).rejects.toMatchObject({ code: "TRACE_SINK" });
  const left = Buffer.concat(pieces);
  expect(left.equals(bytes.subarray(0, left.length))).toBe(true);
  expect((await read(left)).rows).toHaveLength(10);
});

test("the sink is given one piece at a time", async () => {
  let busy = 0;
  let most = 0;
  const writer = new TraceWriter(
    {
      write: async () => {
        most = Math.max(most, ++busy);
        await new Promise((resolve) => setImmediate(resolve));
        busy--;
      },
    },
    INFO,
  );
  const written = SMALL_CUTS.map((cut) => [writer.write(batchOf(SMALL, cut - 5, cut)), writer.flush()]).flat();
  await Promise.all([...written, writer.close()]);
  expect(most).toBe(1);
});

test("accesses left out on purpose keep the numbers of the others", async () => {
  const sink = memorySink();
  const writer = new TraceWriter(sink, INFO);
  await writer.write({ ...batchOf(SMALL, 0, 5), firstSeq: 100 });
  expect(writer.nextSeq).toBe(105);
  await writer.write({ ...batchOf(SMALL, 5, 10), firstSeq: 200 });
  await expect(writer.write(batchOf(SMALL, 10, 15))).rejects.toMatchObject({ code: "TRACE_ORDER" });
  await writer.close();
  await expect(writer.write(batchOf(SMALL))).rejects.toMatchObject({ code: "TRACE_CLOSED" });
  const firsts: number[] = [];
  for await (const batch of (await TraceReader.open(bufferSource(sink.bytes()))).batches()) firsts.push(batch.firstSeq);
  expect(firsts).toEqual([100, 200]);
  expect((await read(sink.bytes())).gaps).toEqual([]);
});

const bad: readonly [string, Partial<AccessBatch>][] = [
  ["a value beyond the width", { value: new Uint32Array(25).fill(0x100) }],
  ["a negative time", { time: new Float64Array(25).fill(-1) }],
  ["a time that is no number", { time: new Float64Array(25).fill(NaN) }],
  ["an unknown op", { op: new Uint8Array(25).fill(6) }],
  ["a string access without an entry", { strings: [] }],
  ["a payload of the wrong length", { strings: [{ index: 6, count: 3, payload: new Uint8Array(5) }] }],
  ["a marker beyond the end", { markers: [{ index: 26, time: 0, text: "" }] }],
  ["a marker too long", { markers: [{ index: 0, time: 0, text: "x".repeat(65_537) }] }],
];
test.each(bad)("%s is refused, and what came before it stays readable", async (_name, fault) => {
  const sink = memorySink();
  const writer = new TraceWriter(sink, INFO);
  await expect(writer.write({ ...batchOf(SMALL), ...fault })).rejects.toMatchObject({ code: "TRACE_BATCH" });
  await writer.close();
  const { rows, reader } = await read(sink.bytes());
  expect(rows).toEqual(SMALL.rows.slice(0, rows.length).map((r) => ({ ...r, string: r.string })));
  expect(reader.problems).toEqual([]);
});

test("a string instruction over 1 MiB is recorded as several accesses", async () => {
  const sink = memorySink();
  const writer = new TraceWriter(sink, INFO);
  const payload = Uint8Array.from({ length: 2.5 * 2 ** 20 }, (_, i) => (i * 7 + (i >> 10)) & 255);
  const written: Promise<void>[] = [];
  const builder = new BatchBuilder((batch) => written.push(writer.write(batch)));
  builder.pushString(5, 0x1f0, "in", 16, payload.length / 2, 0x0700, payload);
  builder.flush();
  await Promise.all(written);
  await writer.close();
  const { rows } = await read(sink.bytes());
  expect(rows.map((r) => r.string?.count)).toEqual([2 ** 19, 2 ** 19, 2 ** 18]);
  expect(Buffer.from(rows.flatMap((r) => r.string?.payload ?? [])).equals(payload)).toBe(true);
});
