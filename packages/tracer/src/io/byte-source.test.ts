import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, INFO, SMALL, SMALL_CUTS, tell, write } from "../../test/traces.ts";
import { TraceReader } from "../trace-reader.ts";
import { TraceWriter } from "../trace-writer.ts";
import { bufferSource, fileSource, type ByteSource } from "./byte-source.ts";
import { streamSource } from "./stream-source.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "portrait-trace-"))));
afterEach(() => rm(folder, { recursive: true }));

async function values(source: ByteSource): Promise<{ values: number[]; problems: string[] }> {
  const reader = await TraceReader.open(source);
  const found: number[] = [];
  for await (const batch of reader.batches()) found.push(...tell([batch]).rows.map((r) => r.value));
  return { values: found, problems: reader.problems.map((p) => p.code) };
}

async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

test("a file, a buffer and a stream in pieces of any size give the same", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const path = join(folder, "a.pio");
  await writeFile(path, bytes);
  const file = await open(path);
  const expected = { values: SMALL.rows.map((r) => r.value), problems: [] };
  expect(await values(fileSource(file))).toEqual(expected);
  await file.close();
  expect(await values(bufferSource(bytes))).toEqual(expected);
  for (const length of [1, 7, 100, 100_000])
    expect(await values(streamSource(pieces(bytes, length)))).toEqual(expected);
});

test("a damaged stream is searched like a file", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  for (let at = 250; at < bytes.length; at += 13) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    expect(await values(streamSource(pieces(damaged, 50)))).toEqual(await values(bufferSource(damaged)));
  }
});

test("a trace can be read while it is being written", async () => {
  const path = join(folder, "growing.pio");
  const out = await open(path, "w");
  const file = await open(path);
  const writer = new TraceWriter({ write: (bytes) => out.appendFile(bytes) }, INFO);
  for (const end of [5, 10]) {
    await writer.write(batchOf(SMALL, end - 5, end));
    await writer.flush();
    expect(await values(fileSource(file))).toMatchObject({ values: { length: end }, problems: ["TRACE_UNSEALED"] });
  }
  await writer.close();
  expect(await values(fileSource(file))).toMatchObject({ values: { length: 10 }, problems: [] });
  await Promise.all([out.close(), file.close()]);
});
