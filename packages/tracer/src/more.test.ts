import fc from "fast-check";
import { expect, test } from "vitest";
import { INFO, SMALL, SMALL_CUTS, write } from "../test/traces.ts";
import type { AccessBatch } from "./batch.ts";
import type { ByteSource } from "./io/byte-source.ts";
import { TraceReader } from "./trace-reader.ts";

const sealed = await write(SMALL, INFO, SMALL_CUTS);
const joined = Buffer.concat([sealed, sealed]);
const damaged = Buffer.from(joined);
damaged.fill(0xff, 300, 310);

/** A file of which only the first bytes are there yet. */
function growing(bytes: Buffer): ByteSource & { length: number } {
  const source = {
    length: 0,
    size: () => Promise.resolve(source.length),
    read: (offset: number, length: number) =>
      Promise.resolve(bytes.subarray(offset, Math.max(offset, Math.min(source.length, offset + length)))),
  };
  return source;
}

/** Everything of these batches, in words. */
async function told(batches: AsyncIterable<AccessBatch>): Promise<string[]> {
  const all: string[] = [];
  for await (const { firstSeq, length, time, value, markers, gaps } of batches) {
    for (let row = 0; row <= length; row++) {
      all.push(...gaps.filter(({ index }) => index === row).map(({ reason, lost }) => `gap ${reason} ${lost}`));
      all.push(...markers.filter(({ index }) => index === row).map(({ text }) => `marker ${text}`));
      if (row < length) all.push(`${firstSeq + row} at ${time[row]}: ${value[row]}`);
    }
  }
  return all;
}

test.each([
  ["a trace", sealed],
  ["joined traces", joined],
  ["a damaged one", damaged],
])("%s that grows gives by and by what it gives as a whole", async (_, bytes) => {
  const whole = growing(bytes);
  whole.length = bytes.length;
  const reader = await TraceReader.open(whole);
  const expected = await told(reader.batches());
  const headerEnd = bytes.readUInt32LE(4) + 8;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: headerEnd, max: bytes.length }), { maxLength: 8 }), async (sizes) => {
      const source = growing(bytes);
      source.length = headerEnd;
      const growingReader = await TraceReader.open(source);
      const seen: string[] = [];
      for (const size of [...sizes.toSorted((a, b) => a - b), bytes.length]) {
        source.length = size;
        seen.push(...(await told(growingReader.more())));
      }
      expect(seen).toEqual(expected);
      expect(growingReader.problems).toEqual(reader.problems);
    }),
  );
});
