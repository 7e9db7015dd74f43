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

test("a SerialICE log gives the accesses to ports, without times, of a machine that decodes the PIC's aliases", async () => {
  const { report, rows, reader } = await imported("import-serialice/log.txt");
  expect(reader.info).toMatchObject({ clock: "none", machine: { engine: "serialice", decodesAliases: true } });
  expect(report.counts).toMatchObject({ lines: 15, other: 5, malformed: 0 });
  expect(rows.map(told)).toEqual([
    { direction: "out", port: 0x70, width: 8, value: 0x8f },
    { direction: "in", port: 0x71, width: 8, value: 0 },
    { direction: "out", port: 0x20, width: 8, value: 0x11 },
    { direction: "out", port: 0x21, width: 8, value: 0x30 },
    { direction: "out", port: 0x21, width: 8, value: 0x04 },
    { direction: "out", port: 0x21, width: 8, value: 0x01 },
    { direction: "out", port: 0x80, width: 8, value: 0x01 },
    { direction: "out", port: 0xcf8, width: 32, value: 0x8000_f8dc },
    { direction: "in", port: 0xcfe, width: 16, value: 0 },
    { direction: "in", port: 0xcfc, width: 32, value: 0 },
  ]);
});
