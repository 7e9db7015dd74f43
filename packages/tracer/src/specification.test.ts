import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeAs } from "../test/proto.ts";
import { anyTrace, asStored, INFO, infoWith, SMALL, SMALL_CUTS, write, type Row, type Told } from "../test/traces.ts";

/** The stock LZ4 tool (Debian: lz4), which installs with the project's set-up. */
function lz4(args: string[], input: Uint8Array): Buffer {
  const { stdout, stderr, status, error } = spawnSync("lz4", args, { input, maxBuffer: 1 << 28 });
  if (error !== undefined) throw new Error("the lz4 command is needed: apt-get install lz4", { cause: error });
  expect(stderr.toString()).toBe("");
  expect(status).toBe(0);
  return stdout;
}

interface ProtoChunk {
  firstSeq?: string;
  baseTime?: string;
  count?: number;
  clock?: string;
  opPort?: number[];
  opKind?: number[];
  opVcpu?: number[];
  op?: number[];
  valueEncoding?: string[];
  values?: number[];
  stringCount?: number[];
  stringObserved?: boolean[];
  stringPayload?: number[];
  timeDelta?: number[];
  wideTimeDelta?: string[];
  marker?: { index?: number; time?: string; text?: string }[];
  gap?: { index?: number; time?: string; reason?: string; lost?: string }[];
}

/** Reads a Trace by the comments of trace.proto alone, as a program in another language would. */
function bySpecification(trace: { chunk?: ProtoChunk[] }): Told {
  const told = { rows: [] as Row[], markers: [] as Told["markers"][number][], gaps: [] as Told["gaps"][number][] };
  for (const chunk of trace.chunk ?? []) {
    const { opKind = [], op = [], values = [], valueEncoding = [] } = chunk;
    const firstSeq = Number(chunk.firstSeq ?? 0);
    const unit = { CLOCK_UNIT_NANOSECOND: 1, CLOCK_UNIT_NONE: 0 }[chunk.clock ?? ""] ?? 1000;
    for (const m of chunk.marker ?? [])
      told.markers.push({ index: firstSeq + (m.index ?? 0), time: Number(m.time ?? 0) * unit, text: m.text ?? "" });
    for (const g of chunk.gap ?? [])
      told.gaps.push({
        index: firstSeq + (g.index ?? 0),
        time: Number(g.time ?? 0) * unit,
        reason: g.reason ?? "",
        lost: g.lost === undefined ? undefined : Number(g.lost),
      });
    let at = 0;
    const streams = opKind.map((kind, k) => {
      const width = 1 << ((kind >> 1) & 3);
      const n = op.filter((entry) => entry === k).length;
      const stored = valueEncoding[k] === "VALUE_ENCODING_CONST" ? 1 : n;
      const stream = Array.from({ length: stored }, (_, i) =>
        Array.from({ length: width }, (_, plane) => (values[at + plane * stored + i] ?? NaN) * 256 ** plane).reduce(
          (a, b) => a + b,
        ),
      );
      at += width * stored;
      if (valueEncoding[k] === "VALUE_ENCODING_CONST") return Array.from({ length: n }, () => stream[0] ?? NaN);
      if (valueEncoding[k] === "VALUE_ENCODING_DELTA")
        for (let i = 1; i < n; i++) stream[i] = ((stream[i] ?? NaN) + (stream[i - 1] ?? NaN)) % 256 ** width;
      return stream;
    });
    expect(at).toBe(values.length);
    let time = Number(chunk.baseTime ?? 0);
    const wide = [...(chunk.wideTimeDelta ?? [])];
    const counts = [...(chunk.stringCount ?? [])];
    const observed = [...(chunk.stringObserved ?? [])];
    const payload = [...(chunk.stringPayload ?? [])];
    op.forEach((k, i) => {
      const delta = chunk.timeDelta?.[i] ?? 0;
      time += delta === 4294967295 ? Number(wide.shift()) : delta;
      const kind = opKind[k] ?? NaN;
      const count = kind & 8 ? (counts.shift() ?? NaN) : 0;
      told.rows.push({
        time: time * unit,
        port: chunk.opPort?.[k] ?? NaN,
        op: kind,
        value: streams[k]?.shift() ?? NaN,
        vcpu: chunk.opVcpu?.[k] ?? 0,
        string:
          kind & 8
            ? { count, payload: observed.shift() ? payload.splice(0, count << ((kind >> 1) & 3)) : undefined }
            : undefined,
      });
    });
  }
  return told;
}

test("the stock lz4 tool accepts a trace, and joined ones", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  expect(lz4(["-q", "-t"], bytes)).toHaveLength(0);
  expect(lz4(["-q", "-t"], Buffer.concat([bytes, bytes]))).toHaveLength(0);
});

test("what lz4 -dc gives, trace.proto decodes to what was recorded", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  const { rows, markers, gaps } = bySpecification(decodeAs("Trace", lz4(["-q", "-dc"], Buffer.concat([bytes, bytes]))));
  expect(rows).toEqual([...SMALL.rows, ...SMALL.rows]);
  expect(markers).toEqual([...SMALL.markers, ...SMALL.markers]);
  expect(gaps).toEqual([...SMALL.gaps, ...SMALL.gaps]);
});

test("any trace is written as trace.proto says", async () => {
  await fc.assert(
    fc.asyncProperty(anyTrace, fc.constantFrom("us", "ns", "none"), async (told, clock) => {
      const trace = bySpecification(decodeAs("Trace", lz4(["-q", "-dc"], await write(told, infoWith(clock), [20]))));
      expect(trace).toEqual(asStored(told, clock));
    }),
    { numRuns: 25 },
  );
});

test("the file header and the index stand where trace.proto says", async () => {
  const bytes = await write(SMALL, INFO, SMALL_CUTS);
  expect(bytes.readUInt32LE(0)).toBe(0x184d2a50);
  expect(bytes.subarray(8, 16).toString("hex")).toBe("8950494f0d0a1a0a");
  expect(bytes.readUInt32LE(16)).toBe(1);
  const message = bytes.subarray(20, 8 + bytes.readUInt32LE(4) - 4);
  const startedAt = Buffer.alloc(9, 0x19);
  startedAt.writeBigInt64LE(INFO.startedAt ?? 0n, 1);
  expect(message.includes(startedAt)).toBe(true);
  const header = decodeAs("FileHeader", message);
  expect(header).toMatchObject({
    clock: "CLOCK_UNIT_NANOSECOND",
    machine: { engine: "v86", engineVersion: "0.5.462", guest: "ticker", host: "test" },
    command: INFO.command,
    fromReset: true,
    watched: [
      { first: 0x20, last: 0x21 },
      { first: 0x3f8, last: 0x3ff },
    ],
    description: [{ id: "i8259", sha256: "00".repeat(32), text: "id: i8259\n" }],
  });

  expect(bytes.subarray(-8).toString()).toBe("PIOINDEX");
  const length = bytes.readUInt32LE(bytes.length - 16);
  const frame = bytes.length - 16 - length - 8;
  expect(bytes.readUInt32LE(frame)).toBe(0x184d2a5e);
  expect(bytes.readUInt32LE(frame + 4)).toBe(length + 16);
  const index = decodeAs("Index", bytes.subarray(frame + 8, frame + 8 + length));
  expect(index).toMatchObject({
    segmentLength: String(frame),
    chunk: [5, 10, 15, 20].reduce<unknown[]>(
      (all, seq) => [...all, { firstSeq: String(seq), count: 5 }],
      [{ count: 5 }],
    ),
  });
});
