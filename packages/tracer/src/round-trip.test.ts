import fc from "fast-check";
import { expect, test } from "vitest";
import { anyTrace, asStored, INFO, infoWith, read, write } from "../test/traces.ts";
import type { ClockUnit } from "./info.ts";

const clocks: readonly ClockUnit[] = ["us", "ns", "none"];

test.each(clocks)("with clock %s, whatever is written is read", async (clock) => {
  await fc.assert(
    fc.asyncProperty(anyTrace, fc.array(fc.nat({ max: 60 }), { maxLength: 5 }), async (told, cuts) => {
      const { reader, ...found } = await read(await write(told, infoWith(clock), cuts));
      expect(found).toEqual(asStored(told, clock));
      expect(reader.problems).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test("the header is read as it was written", async () => {
  const nothing = { rows: [], markers: [], gaps: [] };
  expect((await read(await write(nothing, INFO))).reader.info).toEqual(INFO);
  const bare = { ...INFO, startedAt: undefined, fromReset: false, command: [], ports: [], descriptions: [] };
  expect((await read(await write(nothing, bare))).reader.info).toEqual(bare);
});

test("a trace of nothing but remarks is read as it was written", async () => {
  const told = {
    rows: [],
    markers: [{ index: 0, time: 7, text: "" }],
    gaps: [{ index: 0, time: 9, reason: "late", lost: undefined }],
  };
  const { markers, gaps } = await read(await write(told, INFO));
  expect({ rows: [], markers, gaps }).toEqual(told);
});
