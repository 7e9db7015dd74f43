import fc from "fast-check";
import type { AccessBatch, Gap, Marker, StringAccess } from "../src/batch.ts";
import type { ByteSink } from "../src/io/byte-sink.ts";
import { bufferSource } from "../src/io/byte-source.ts";
import type { ClockUnit, TraceInfo } from "../src/info.ts";
import { TraceReader } from "../src/trace-reader.ts";
import { TraceWriter } from "../src/trace-writer.ts";
import type { TraceRange } from "../src/range.ts";

/** One access as a test states it. */
export interface Row {
  readonly time: number;
  readonly port: number;
  readonly op: number;
  readonly value: number;
  readonly vcpu: number;
  readonly string?: { readonly count: number; readonly payload: number[] | undefined } | undefined;
}

/** A whole trace as a test states it: remarks by the number of the access they stand before. */
export interface Told {
  readonly rows: readonly Row[];
  readonly markers: readonly Omit<Marker, never>[];
  readonly gaps: readonly Gap[];
}

export const INFO: TraceInfo = {
  clock: "ns",
  startedAt: 1_767_225_600_000_000_001n,
  machine: { engine: "v86", engineVersion: "0.5.462", guest: "ticker", host: "test", decodesAliases: false },
  command: ["portrait", "record", "--guest", "ticker.bin"],
  fromReset: true,
  ports: [
    [0x20, 0x21],
    [0x3f8, 0x3ff],
  ],
  descriptions: [{ id: "i8259", sha256: "00".repeat(32), text: "id: i8259\n" }],
};

export const infoWith = (clock: ClockUnit): TraceInfo => ({ ...INFO, clock });

/** A sink that keeps what it is given. */
export function memorySink(): ByteSink & { readonly bytes: () => Buffer } {
  const pieces: Uint8Array[] = [];
  return {
    write: (bytes) => {
      pieces.push(bytes);
      return Promise.resolve();
    },
    bytes: () => Buffer.concat(pieces),
  };
}

/** Rows `from` to before `to` as a batch, with the remarks that stand before them (and, at the end, after them). */
export function batchOf(told: Told, from = 0, to = told.rows.length): AccessBatch {
  const rows = told.rows.slice(from, to);
  const last = to === told.rows.length ? to : to - 1;
  const own = <T extends { readonly index: number }>(items: readonly T[]): T[] =>
    items.filter((i) => i.index >= from && i.index <= last).map((i) => ({ ...i, index: i.index - from }));
  return {
    firstSeq: from,
    length: rows.length,
    time: Float64Array.from(rows, (r) => r.time),
    port: Uint16Array.from(rows, (r) => r.port),
    op: Uint8Array.from(rows, (r) => r.op),
    value: Uint32Array.from(rows, (r) => r.value),
    vcpu: Uint16Array.from(rows, (r) => r.vcpu),
    strings: rows.flatMap(({ string }, index): StringAccess[] =>
      string === undefined
        ? []
        : [{ index, count: string.count, payload: string.payload && Uint8Array.from(string.payload) }],
    ),
    markers: own(told.markers),
    gaps: own(told.gaps),
  };
}

/** The bytes of a trace written in pieces that end before the access numbers in `cuts`; each piece is flushed. */
export async function write(told: Told, info: TraceInfo, cuts: readonly number[] = []): Promise<Buffer> {
  const sink = memorySink();
  const writer = new TraceWriter(sink, info);
  let from = 0;
  for (const to of [...new Set([...cuts.filter((c) => c < told.rows.length), told.rows.length])].sort(
    (a, b) => a - b,
  )) {
    await writer.write(batchOf(told, from, to));
    await writer.flush();
    from = to;
  }
  await writer.close();
  return sink.bytes();
}

/** Batches put back together the way a test states them, from the access number `base` on. */
export function tell(batches: readonly AccessBatch[]): Told {
  const rows: Row[] = [];
  const markers: Marker[] = [];
  const gaps: Gap[] = [];
  for (const batch of batches) {
    for (const m of batch.markers) markers.push({ ...m, index: batch.firstSeq + m.index });
    for (const g of batch.gaps) gaps.push({ ...g, index: batch.firstSeq + g.index });
    for (let i = 0; i < batch.length; i++) {
      const string = batch.strings.find((s) => s.index === i);
      rows.push({
        time: batch.time[i] ?? NaN,
        port: batch.port[i] ?? NaN,
        op: batch.op[i] ?? NaN,
        value: batch.value[i] ?? NaN,
        vcpu: batch.vcpu[i] ?? NaN,
        string: string && { count: string.count, payload: string.payload && [...string.payload] },
      });
    }
  }
  return { rows, markers, gaps };
}

/** Everything a range of a trace holds, copied out of the reader's columns. */
export async function read(
  bytes: Uint8Array,
  range: TraceRange = {},
): Promise<Told & { readonly reader: TraceReader }> {
  const reader = await TraceReader.open(bufferSource(bytes));
  const kept: Told[] = [];
  for await (const batch of reader.batches(range)) kept.push(tell([batch]));
  return {
    reader,
    rows: kept.flatMap((t) => t.rows),
    markers: kept.flatMap((t) => t.markers),
    gaps: kept.flatMap((t) => t.gaps),
  };
}

/** What the clock of a trace leaves of what was written. */
export function asStored(told: Told, clock: ClockUnit): Told {
  const stored = (time: number): number =>
    clock === "ns" ? time : clock === "us" ? Math.floor(time / 1000) * 1000 : 0;
  return {
    rows: told.rows.map((r) => ({ ...r, time: stored(r.time), string: r.string })),
    markers: told.markers.map((m) => ({ ...m, time: stored(m.time) })),
    gaps: told.gaps.map((g) => ({ ...g, time: stored(g.time) })),
  };
}

const time = fc.oneof(
  fc.nat({ max: 100_000 }),
  fc.constantFrom(0, 999, 1000, 2 ** 32 - 1, 2 ** 32, 2 ** 32 * 1000, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);

const row: fc.Arbitrary<Row> = fc
  .record({
    time,
    port: fc.oneof(fc.constantFrom(0x20, 0x21, 0x3f8, 0xffff, 0), fc.integer({ min: 0, max: 0xffff })),
    out: fc.nat({ max: 1 }),
    size: fc.nat({ max: 2 }),
    value: fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(0xffffffff, 0x80000000), fc.nat({ max: 0xffffffff })),
    vcpu: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
    ),
    string: fc.option(
      fc.record({ count: fc.integer({ min: 1, max: 9 }), huge: fc.boolean(), seed: fc.option(fc.nat({ max: 255 })) }),
      { nil: undefined, freq: 6 },
    ),
  })
  .map(({ time, port, out, size, value, vcpu, string }) => ({
    time,
    port,
    op: out | (size << 1) | (string === undefined ? 0 : 8),
    value: size === 2 ? value : value % 2 ** (8 << size),
    vcpu,
    string: string && {
      count: string.seed === null && string.huge ? 0xffffffff : string.count,
      payload:
        string.seed === null
          ? undefined
          : Array.from({ length: string.count << size }, (_, i) => ((string.seed ?? 0) + i) & 255),
    },
  }));

/** Any trace of up to 60 accesses, with remarks. */
export const anyTrace: fc.Arbitrary<Told> = fc.array(row, { maxLength: 60 }).chain((rows) => {
  const index = fc.nat({ max: rows.length });
  const text = fc.string({ unit: "grapheme", maxLength: 8 });
  const sorted = <T extends { readonly index: number }>(items: T[]): T[] => items.sort((a, b) => a.index - b.index);
  return fc.record({
    rows: fc.constant(rows),
    markers: fc.array(fc.record({ index, time, text }), { maxLength: 4 }).map(sorted),
    gaps: fc
      .array(fc.record({ index, time, reason: text, lost: fc.option(fc.maxSafeNat(), { nil: undefined }) }), {
        maxLength: 3,
      })
      .map(sorted),
  });
});

/** A small trace with everything in it, in five chunks, for tests that damage every part of it. */
export const SMALL: Told = {
  rows: Array.from({ length: 25 }, (_, i): Row => {
    const string = i % 7 === 6;
    return {
      time: 1000 * i + (i > 15 ? 5e9 : 0),
      port: [0x20, 0x21, 0x3f8, 0xcf8, 0x1f0][i % 5] ?? 0,
      op: string ? 8 | 2 : i % 5 === 3 ? 5 : i % 2,
      value: (i * 37) % 256,
      vcpu: i === 11 ? 3 : 0,
      string: string ? { count: 2, payload: i === 6 ? [1, 2, 3, 4] : undefined } : undefined,
    };
  }),
  markers: [{ index: 3, time: 3000, text: "guest printed its prompt" }],
  gaps: [{ index: 20, time: 5_000_020_000, reason: "ring full", lost: 12 }],
};
export const SMALL_CUTS = [5, 10, 15, 20];
