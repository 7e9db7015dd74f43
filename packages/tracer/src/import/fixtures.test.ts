import { createReadStream } from "node:fs";
import { expect, test } from "vitest";
import { expectedAccesses } from "../../../../test-support/guest.ts";
import { INFO, memorySink, read, type Row } from "../../test/traces.ts";
import { directionOf, widthOf } from "../access.ts";
import { importTrace } from "./import-trace.ts";
import { recogniseLog } from "./recognise-log.ts";

/** Imports a file of fixtures/, whatever it is. */
async function imported(file: string) {
  const url = new URL(`../../../../fixtures/${file}`, import.meta.url);
  const sink = memorySink();
  const log = await recogniseLog(createReadStream(url));
  const { facts, format } = log;
  const machine = { ...INFO.machine, engine: format.engine, decodesAliases: format.decodesAliases };
  const report = await importTrace(log, sink, { info: { ...INFO, clock: facts.clock, machine } });
  return { report, ...(await read(sink.bytes())) };
}

/** An access as the guest's source has it; what was read is left out where the machine decides it. */
const told = (row: Pick<Row, "port" | "op" | "value">) => ({
  direction: directionOf(row.op),
  port: row.port,
  width: widthOf(row.op),
  value: row.value,
});
const first = ["out", "out", "out", "out", "in"];

function checkSource(rows: readonly Row[]): void {
  const elements = rows.flatMap((row) =>
    Array.from({ length: row.string?.count ?? 1 }, (_, i) => ({ ...told(row), observed: i === 0 })),
  );
  const source = expectedAccesses("string-io");
  expect(elements.length).toBe(source.length);
  for (const [i, { direction, port, width, value }] of source.entries()) {
    const { observed, ...element } = elements[i] ?? { observed: false };
    expect(element).toMatchObject({ direction, port, width, ...(observed && value !== undefined && { value }) });
  }
}

test.each([
  ["import-qemu/log.txt", "qemu", "none"],
  ["import-qemu/stamped.txt", "qemu", "us"],
  ["import-kvm-pio/trace-pipe.txt", "kvm-pio", "us"],
  ["import-kvm-pio/trace.txt", "kvm-pio", "us"],
  ["import-kvm-pio/trace-cmd.txt", "kvm-pio", "us"],
  ["import-kvm-pio/trace-cmd-ns.txt", "kvm-pio", "ns"],
  ["import-kvm-pio/perf-script.txt", "kvm-pio", "us"],
  ["import-kvm-pio/perf-script-ns.txt", "kvm-pio", "ns"],
])("%s is recognised, and is what the guest's source says", async (file, format, clock) => {
  const { report, rows, reader, gaps } = await imported(file);
  expect(report.format.name).toBe(format);
  expect(reader.info.clock).toBe(clock);
  expect(gaps).toEqual([]);
  expect(report.counts.malformed).toBe(0);
  expect(rows.slice(0, first.length).map(({ op }) => directionOf(op))).toEqual(first);
  checkSource(rows);
  const times = rows.map(({ time }) => time);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(new Set(times).size > 1).toBe(clock !== "none");
});

test("string accesses of the tracepoint have a count and no payload", async () => {
  const { rows } = await imported("import-kvm-pio/trace-pipe.txt");
  expect(rows.flatMap(({ string }) => (string === undefined ? [] : [string]))).toEqual([
    { count: 4, payload: undefined },
    { count: 2, payload: undefined },
    { count: 2, payload: undefined },
  ]);
});

test("what the kernel lost is a gap where it was lost", async () => {
  const pipe = await imported("import-kvm-pio/trace-pipe-lost.txt");
  expect(pipe.gaps).toMatchObject([{ index: 0, reason: "889 events of CPU 1 were lost", lost: undefined }]);
  const file = await imported("import-kvm-pio/trace-overwritten.txt");
  expect(file.gaps).toMatchObject([
    { index: 0, reason: "the kernel's buffer was full: 889 older events are overwritten", lost: undefined },
  ]);
  expect(file.rows).toEqual(pipe.rows);
  expect(file.rows.length).toBe(1094 - 889);
});

/** `out8 70 8f`. */
const inShort = ({ port, op, value }: Row): string =>
  `${directionOf(op)}${widthOf(op)} ${port.toString(16)} ${value.toString(16)}`;

test("a SerialICE log gives the accesses to ports, without times, of a machine that decodes the PIC's aliases", async () => {
  const { report, rows, reader, gaps } = await imported("import-serialice/log.txt");
  expect(reader.info).toMatchObject({ clock: "none", machine: { engine: "serialice", decodesAliases: true } });
  expect(report.counts).toMatchObject({ lines: 88, other: 17, malformed: 0 });
  expect(gaps).toEqual([]);
  expect(rows.map(inShort)).toEqual([
    ...["out8 70 8f", "in8 71 0", "out8 70 8d", "in8 71 80", "out8 72 10", "in8 73 5a", "out8 80 1"],
    ...["out32 cf8 80000000", "in32 cfc 27708086", "out32 cf8 8000f808", "in16 cfe 601"],
    ...["out32 cf8 8000f840", "out32 cfc 401", "out32 cf8 8000f844", "out8 cfc 80"],
    ...["out32 cf8 8000f882", "out16 cfe 140d", "out32 cf8 8000f8dc", "in8 cfc 0", "out8 cfc 1"],
    ...["out8 2e 87", "out8 2e 87", "out8 2e 7", "out8 2f 2", "out8 2e 60", "out8 2f 3", "out8 2e 61", "out8 2f f8"],
    ...["out8 2e 30", "out8 2f 1", "out8 2e 2", "out8 2f 0", "out8 2e 24", "out8 2f 0", "out8 2e aa"],
    ...["out8 3fb 83", "out16 3f8 1", "out8 3fb 3", "in8 3fd ff"],
    ...["out8 20 11", "out8 21 8", "out8 21 4", "out8 21 1", "out8 a4 11", "out8 a5 70", "out8 a5 2", "out8 a5 1"],
    ...["out8 21 ff", "out8 a1 ff", "in8 21 ff", "out16 4d0 e00", "out8 43 34", "out8 40 0", "out8 40 0"],
    ...["in8 64 1c", "out8 64 d1", "out8 60 df", "in8 92 0", "out8 92 2", "in32 408 12d687", "out16 400 ffff"],
    ...["in16 1f0 40", "in16 1f0 3fff", "in16 1f0 c837", "in16 1f0 10"],
    ...["out8 402 42", "out8 402 49", "out8 402 4f", "out8 402 53", "out8 80 2", "out8 cf9 6"],
  ]);
  expect(report.leftOut).toEqual([{ count: 6, what: "marks of accesses that a filter dropped or faked" }]);
});

test("a replay of a SerialICE log has gaps: it hides accesses", async () => {
  const { report, rows, gaps } = await imported("import-serialice/replay.txt");
  expect(report.counts).toMatchObject({ lines: 82, other: 8, malformed: 64 });
  expect(rows.length).toBe(10);
  expect(gaps.map(({ index }) => index)).toEqual([0, 10]);
});
