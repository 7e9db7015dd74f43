import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { accessAt, type Access } from "./batch.ts";
import { bufferSource } from "./io/byte-source.ts";
import { TraceReader } from "./trace-reader.ts";
import { verifyTrace } from "./verify.ts";

const fixture = (name: string): Buffer => readFileSync(new URL(`../../../fixtures/format-v1/${name}`, import.meta.url));

test("a trace of format version 1 is read as it always was", async () => {
  const reader = await TraceReader.open(bufferSource(fixture("trace.pio")));
  const accesses: (Omit<Access, "payload" | "string"> & { payload: number[] | undefined })[] = [];
  const strings: number[] = [];
  const markers: unknown[] = [];
  const gaps: unknown[] = [];
  for await (const batch of reader.batches()) {
    for (let i = 0; i < batch.length; i++) {
      const { string, payload, ...access } = accessAt(batch, i);
      accesses.push({ ...access, payload: payload && [...payload] });
      if (string) strings.push(access.seq);
    }
    for (const m of batch.markers) markers.push({ ...m, index: batch.firstSeq + m.index });
    for (const g of batch.gaps) gaps.push({ ...g, index: batch.firstSeq + g.index });
  }
  const info = { ...reader.info, startedAt: String(reader.info.startedAt) };
  expect({ info, accesses, markers, gaps }).toEqual(JSON.parse(fixture("expected.json").toString()));
  expect(strings).toEqual(accesses.filter(({ count }) => count > 1).map(({ seq }) => seq));
  const report = await verifyTrace(bufferSource(fixture("trace.pio")));
  expect(report).toMatchObject({ segments: 1, chunks: 2, accesses: 129, problems: [] });
});
