import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { INFO, read, SMALL, SMALL_CUTS, tell, write, type Row } from "../test/traces.ts";
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

interface Survivors {
  /** Rows by sequence number; undefined where the file was refused. */
  readonly rows: ReadonlyMap<number, Row> | undefined;
  readonly problems: number;
  readonly gaps: number;
}

/** What a damaged file gives. Throws where it throws anything but a TraceFormatError. */
async function survivors(damaged: Uint8Array): Promise<Survivors> {
  try {
    const reader = await TraceReader.open(bufferSource(damaged));
    const rows = new Map<number, Row>();
    let gaps = 0;
    for await (const batch of reader.batches()) {
      tell([batch]).rows.forEach((row, i) => rows.set(batch.firstSeq + i, row));
      gaps += batch.gaps.length;
    }
    return { rows, problems: reader.problems.length, gaps };
  } catch (error) {
    if (error instanceof TraceFormatError) return { rows: undefined, problems: 1, gaps: 0 };
    throw error;
  }
}

function equals(row: Row, seq: number): boolean {
  return isDeepStrictEqual(row, { ...SMALL.rows[seq], string: SMALL.rows[seq]?.string });
}

test("a trace cut at any byte gives every whole chunk before the cut and says that something is missing", async () => {
  const wrong: string[] = [];
  for (let length = 0; length < bytes.length; length++) {
    const { rows, problems } = await survivors(bytes.subarray(0, length));
    const whole = 5 * (bounds.filter((b) => b <= length).length - 1);
    const exact = rows?.size === whole && [...rows].every(([seq, row]) => seq < whole && equals(row, seq));
    const right = whole < 0 ? rows === undefined : exact && problems > 0;
    if (!right) wrong.push(`cut at ${length}: ${rows?.size} rows, ${problems} problems`);
  }
  expect(wrong).toEqual([]);
});

test("no flipped bit changes an access, and what it costs is noticed", async () => {
  const wrong: string[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const { rows, problems, gaps } = await survivors(damaged);
    const inHeader = bit >> 3 < (bounds[0] ?? 0);
    const exact = rows !== undefined && rows.size >= 20 && [...rows].every(([seq, row]) => equals(row, seq));
    // LZ4 leaves a few bits unused: flipping those changes nothing at all.
    const noticed = problems > 0 || (rows?.size === 25 && gaps === 1);
    const marked = rows?.size !== 20 || !rows.has(24) || gaps === 2;
    const right = inHeader ? rows === undefined : exact && noticed && marked;
    if (!right) wrong.push(`bit ${bit}: ${rows?.size} rows, ${problems} problems, ${gaps} gaps`);
  }
  expect(wrong).toEqual([]);
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
