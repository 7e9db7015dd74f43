import fc from "fast-check";
import { expect, test } from "vitest";
import { anyTrace, asStored, INFO, read, write } from "../test/traces.ts";

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
        expect(part.markers.filter((m) => m.index < begin || m.index > end)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});
