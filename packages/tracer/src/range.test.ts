import fc from "fast-check";
import { expect, test } from "vitest";
import { anyTrace, asStored, INFO, read, SMALL, SMALL_CUTS, tell, write } from "../test/traces.ts";
import { bufferSource } from "./io/byte-source.ts";
import { TraceReader } from "./trace-reader.ts";

const bound = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

test("a range is what lies between its bounds, with and without an index", async () => {
  const seq = bound(fc.nat({ max: 62 }));
  const time = bound(fc.oneof(fc.nat({ max: 100_000 }), fc.maxSafeNat()));
  const ranges = fc.record({ fromSeq: seq, toSeq: seq, fromTime: time, toTime: time });
  await fc.assert(
    fc.asyncProperty(anyTrace, fc.array(fc.nat({ max: 60 }), { maxLength: 6 }), ranges, async (told, cuts, range) => {
      const bytes = await write(told, INFO, cuts);
      const { rows, markers, gaps } = asStored(told, "ns");
      const given = Object.fromEntries(Object.entries(range).filter(([, v]) => v !== undefined));
      const { fromSeq = 0, toSeq = Infinity, fromTime = 0, toTime = Infinity } = range;
      const found = rows.findIndex((r, i) => i >= fromSeq && r.time >= fromTime);
      const begin = found === -1 ? rows.length : found;
      const stop = rows.findIndex((r, i) => i >= begin && (i >= toSeq || r.time >= toTime));
      const end = stop === -1 ? rows.length : stop;
      for (const file of [bytes, bytes.subarray(0, -10)]) {
        const part = await read(file, given);
        expect(part.rows).toEqual(rows.slice(begin, end));
        const within = (r: { index: number }) => r.index >= begin && r.index < end;
        expect(part.markers.filter(within)).toEqual(markers.filter(within));
        expect(part.gaps.filter(within)).toEqual(gaps.filter(within));
        const beyond = [...part.markers, ...part.gaps].filter(
          (r) => !within(r) && (r.index < begin || end < rows.length),
        );
        expect(beyond).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});

test("every range of sequence numbers is found", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const reader = await TraceReader.open(bufferSource(bytes));
  const wrong: string[] = [];
  for (let fromSeq = 0; fromSeq <= 26; fromSeq++) {
    for (let toSeq = fromSeq; toSeq <= 26; toSeq++) {
      const found: unknown[] = [];
      for await (const batch of reader.batches({ fromSeq, toSeq }))
        found.push(...tell([batch]).rows.map((r) => r.value));
      const right = SMALL.rows.slice(fromSeq, toSeq).map((r) => r.value);
      if (String(found) !== String(right)) wrong.push(`${fromSeq} to ${toSeq}: ${String(found)}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("the index spares reading what comes before a range", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const source = bufferSource(bytes);
  const offsets: number[] = [];
  const reader = await TraceReader.open({
    size: () => source.size(),
    read: (offset, length) => {
      offsets.push(offset);
      return source.read(offset, length);
    },
  });
  const directory = await reader.directory();
  offsets.length = 0;
  for await (const batch of reader.batches({ fromSeq: 21 })) expect(batch.firstSeq).toBe(21);
  expect(offsets).toContain(directory?.[3]?.offset);
  for (const skipped of [0, 1, 2]) expect(offsets).not.toContain(directory?.[skipped]?.offset);
});
