import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { INFO, read, SMALL, SMALL_CUTS, write, type Row } from "../test/traces.ts";
import { TraceFormatError } from "./errors.ts";
import { bufferSource } from "./io/byte-source.ts";
import { TraceReader } from "./trace-reader.ts";
import { verifyTrace } from "./verify.ts";

let bytes: Buffer;
/** Where each chunk's frame begins, and where the last one ends. */
let bounds: number[];

beforeAll(async () => {
  bytes = await write(SMALL, INFO, SMALL_CUTS);
  bounds = [];
  const reader = await TraceReader.open(bufferSource(bytes));
  for await (const chunk of reader.chunks()) bounds.push(chunk.offset, chunk.offset + chunk.frame.length);
  bounds = [...new Set(bounds)];
});

/** The rows of SMALL, each under its sequence number. */
const truth = new Map(SMALL.rows.map((row, seq) => [seq, { ...row, string: row.string }]));

/** Everything a damaged file gives, by sequence number; undefined where it cannot be opened. */
async function survivors(
  damaged: Uint8Array,
): Promise<{ rows: Map<number, Row>; problems: number; gaps: number } | undefined> {
  let reader: TraceReader;
  try {
    reader = await TraceReader.open(bufferSource(damaged));
  } catch (error) {
    expect(error).toBeInstanceOf(TraceFormatError);
    return undefined;
  }
  const { rows: list, gaps } = await read(damaged);
  const rows = new Map<number, Row>();
  for await (const batch of reader.batches()) {
    for (let i = 0; i < batch.length; i++) rows.set(batch.firstSeq + i, list[rows.size] as Row);
  }
  return { rows, problems: reader.problems.length, gaps: gaps.length };
}

test("a trace cut at any byte gives every whole chunk before the cut and says that something is missing", async () => {
  for (let length = 0; length < bytes.length; length++) {
    const found = await survivors(bytes.subarray(0, length));
    if (length < (bounds[0] ?? 0)) {
      expect(found, `cut at ${length}`).toBeUndefined();
      continue;
    }
    const whole = bounds.filter((b) => b <= length).length - 1;
    expect([...(found?.rows ?? [])], `cut at ${length}`).toEqual([...truth].slice(0, whole * 5));
    expect(found?.problems, `cut at ${length}`).toBeGreaterThan(0);
  }
});

test("no flipped bit changes an access, and what it costs is noticed", async () => {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const found = await survivors(damaged);
    if (found === undefined) {
      expect(bit >> 3).toBeLessThan(bounds[0] ?? 0);
      continue;
    }
    for (const [seq, row] of found.rows) expect(row, `bit ${bit}, access ${seq}`).toEqual(truth.get(seq));
    expect(found.rows.size, `bit ${bit}`).toBeGreaterThanOrEqual(20);
    // LZ4 leaves a few bits unused: flipping those changes nothing at all.
    if (found.problems === 0) expect([found.rows.size, found.gaps], `bit ${bit}`).toEqual([25, 1]);
    if (found.rows.size < 25 && found.rows.has(24)) expect(found.gaps, `bit ${bit}`).toBe(2);
  }
});

test("a lost chunk leaves a gap that counts its accesses", async () => {
  const damaged = Buffer.from(bytes).fill(0, (bounds[1] ?? 0) + 3, bounds[2]);
  const { rows, gaps, reader } = await read(damaged);
  expect(rows.map((r) => r.time)).toEqual(SMALL.rows.filter((_, i) => i < 5 || i >= 10).map((r) => r.time));
  expect(gaps[0]).toMatchObject({ index: 10, lost: 5, time: SMALL.rows[10]?.time });
  expect(reader.problems).toMatchObject([
    { code: "TRACE_FRAME_DAMAGED", offset: bounds[1], length: (bounds[2] ?? 0) - (bounds[1] ?? 0), chunk: 1 },
  ]);
});

test("accesses of a segment whose version is unknown are not read", async () => {
  const newer = Buffer.from(bytes);
  newer.writeUInt32LE(2, 16);
  await expect(TraceReader.open(bufferSource(newer))).rejects.toMatchObject({ code: "TRACE_HEADER_DAMAGED" });
});

describe("what is not a trace", () => {
  test.each([
    ["nothing", Buffer.alloc(0), "TRACE_EMPTY"],
    ["text", Buffer.from("pio_write at 0x70 size 1 count 1 val 0x8f\n".repeat(50)), "TRACE_NOT_PIO"],
    ["a few bytes", Buffer.from([0x50, 0x2a, 0x4d]), "TRACE_NOT_PIO"],
    ["an empty LZ4 file", Buffer.from("04224d18644060000000000000000000", "hex"), "TRACE_NOT_PIO"],
    ["zeros", Buffer.alloc(100_000), "TRACE_NOT_PIO"],
  ])("%s is refused", async (_name, content, code) => {
    await expect(TraceReader.open(bufferSource(content))).rejects.toMatchObject({ code, offset: 0, chunk: 0 });
    expect((await verifyTrace(bufferSource(content))).problems.length).toBeGreaterThan(0);
  });

  test("random bytes, alone or after a header, give problems and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), async (noise, headed) => {
        const file = headed ? Buffer.concat([bytes.subarray(0, bounds[0]), noise]) : noise;
        const report = await verifyTrace(bufferSource(file));
        expect(report.accesses).toBe(0);
        expect(report.problems.length).toBeGreaterThan(0);
      }),
    );
  });

  test("pieces of traces in any order give only accesses that were recorded", async () => {
    const cut = fc.tuple(fc.nat({ max: 1000 }), fc.nat({ max: 1000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { maxLength: 8 }), async (cuts) => {
        const pieces = cuts.map(([a, b]) => bytes.subarray(Math.min(a, b) % bytes.length, Math.max(a, b)));
        const found = await read(Buffer.concat([bytes.subarray(0, bounds[1]), ...pieces]));
        for (const row of found.rows) {
          expect(SMALL.rows).toContainEqual(expect.objectContaining({ port: row.port, op: row.op, value: row.value }));
        }
      }),
    );
  });
});
