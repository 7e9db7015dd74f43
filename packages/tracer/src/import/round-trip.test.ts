import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyTrace, asStored, infoWith, memorySink, read, write, type Told } from "../../test/traces.ts";
import { accessAt } from "../batch.ts";
import { plainAccess, plainGap, plainMarker, PLAIN_TEXT_HEAD } from "../export/plain-text.ts";
import type { ClockUnit } from "../info.ts";
import { bufferSource } from "../io/byte-source.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { TraceReader } from "../trace-reader.ts";
import { importFormats } from "./formats.ts";
import { importTrace, type ImportReport } from "./import-trace.ts";
import type { BadLine } from "./lines/line-reader.ts";
import { recogniseLog } from "./recognise-log.ts";

/** A trace as plain text, remarks before the access they stand before. */
async function plain(bytes: Uint8Array): Promise<string> {
  const reader = await TraceReader.open(bufferSource(bytes));
  const { clock } = reader.info;
  const lines = [PLAIN_TEXT_HEAD];
  for await (const batch of reader.batches()) {
    for (let row = 0; row <= batch.length; row++) {
      const here = ({ index }: { readonly index: number }) => index === row;
      for (const gap of batch.gaps.filter(here)) lines.push(plainGap(batch.firstSeq + row, gap, clock));
      for (const marker of batch.markers.filter(here)) lines.push(plainMarker(batch.firstSeq + row, marker, clock));
      if (row < batch.length) lines.push(plainAccess(accessAt(batch, row), clock));
    }
  }
  return `${lines.join("\n")}\n`;
}

async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

interface Imported extends Told {
  readonly report: ImportReport;
  readonly bad: readonly BadLine[];
}

async function imported(text: string, from?: string, pieceLength = 1000): Promise<Imported> {
  const sink = memorySink();
  const bad: BadLine[] = [];
  const format = importFormats.find(({ name }) => name === from);
  const log = await recogniseLog(pieces(Buffer.from(text), pieceLength), format);
  const report = await importTrace(log, sink, {
    info: infoWith(log.facts.clock),
    malformed: (line) => bad.push(line),
  });
  const { rows, markers, gaps } = await read(sink.bytes());
  return { rows, markers, gaps, report, bad };
}

const clocks: readonly ClockUnit[] = ["us", "ns", "none"];

test.each(clocks)("with clock %s, plain text is read as the trace it was written from", async (clock) => {
  await fc.assert(
    fc.asyncProperty(anyTrace, fc.integer({ min: 1, max: 3000 }), async (told, pieceLength) => {
      const text = await plain(await write(told, infoWith(clock)));
      const { rows, markers, gaps, report } = await imported(text, "plain", pieceLength);
      expect({ rows, markers, gaps }).toEqual(asStored(told, clock));
      expect(report.counts).toMatchObject({ other: 0, malformed: 0 });
    }),
    { numRuns: 100 },
  );
});

describe("plain text written by hand", () => {
  test("needs a direction, a port and a value, and may have more", async () => {
    const { rows, markers, gaps, bad } = await imported(`# by hand
out8 0x20 0x11
  in16 0x1F0 0xABCD
2.5 cpu3 out32 0xcf8 0x80000000

out8 0x402 0x48 x2 4869
in16 0x1f0 0x1 x256
gap 12 "not looked at"
marker "that was all"
`);
    expect(bad).toEqual([]);
    expect(rows).toMatchObject([
      { time: 0, port: 0x20, op: 1, value: 0x11, vcpu: 0 },
      { time: 0, port: 0x1f0, op: 2, value: 0xabcd },
      { time: 0, port: 0xcf8, op: 5, value: 0x8000_0000, vcpu: 3 },
      { string: { count: 2, payload: [0x48, 0x69] } },
      { string: { count: 256, payload: undefined } },
    ]);
    expect(gaps).toMatchObject([{ index: 5, reason: "not looked at", lost: 12 }]);
    expect(markers).toMatchObject([{ index: 5, text: "that was all" }]);
  });

  test.each([
    "out8 0x20",
    "out7 0x20 0x11",
    "out8 20 11",
    "out8 0x10000 0x1",
    "out8 0x20 0x100",
    "cpu70000 out8 0x20 0x1",
    "in8 0x20 0x1 x0",
    "in8 0x20 0x1 x2 41",
    "in8 0x20 0x1 x1 414",
    "in8 0x20 0x1 41",
    "9999999999.5 in8 0x20 0x1",
    "99999999999999999999 in8 0x20 0x1",
    "marker hello",
    'marker 3 "hello"',
    'gap "a" "b"',
  ])("a line that cannot be read is told with its number: %s", async (line) => {
    const { rows, gaps, bad, report } = await imported(`out8 0x20 0x11\n${line}\nout8 0x20 0x12\n`);
    expect(rows.length).toBe(2);
    expect(gaps).toMatchObject([{ index: 1, reason: "line 2 of the log could not be read" }]);
    expect(report.counts).toMatchObject({ malformed: 1, firstMalformed: 2 });
    expect(bad).toMatchObject([{ line: 2, text: line }]);
  });
});

describe("sequence numbers", () => {
  test("accesses that were left out become gaps with their number", async () => {
    const { rows, gaps } = await imported("5 out8 0x20 0x11\n6 out8 0x21 0x30\n9 out8 0x21 0x04\n");
    expect(rows.length).toBe(3);
    expect(gaps.map(({ index, lost }) => [index, lost])).toEqual([
      [0, 5],
      [2, 2],
    ]);
  });

  test("numbers that begin anew are a gap without a number", async () => {
    const { gaps } = await imported("0 out8 0x20 0x11\n0 out8 0x21 0x30\n1 out8 0x21 0x04\n");
    expect(gaps).toMatchObject([{ index: 1, lost: undefined }]);
  });
});

describe("NDJSON", () => {
  test("needs direction, port, width and value", async () => {
    const { rows, bad } = await imported(
      [
        '{"direction":"out","port":"0x20","width":8,"value":"0x11","time":0}',
        '{"direction":"in","port":496,"width":16,"value":1,"count":256,"vcpu":2,"time":1500,"device":"ata0"}',
        '{"direction":"out","port":1026,"width":8,"value":72,"payload":"4869"}',
      ].join("\n"),
    );
    expect(bad).toEqual([]);
    expect(rows).toMatchObject([
      { time: 0, port: 0x20, op: 1, value: 0x11 },
      { time: 1500, port: 0x1f0, op: 10, value: 1, vcpu: 2, string: { count: 256, payload: undefined } },
      { time: 1500, string: { count: 2, payload: [0x48, 0x69] } },
    ]);
  });

  test.each([
    ["{", "not JSON"],
    ["[]", "an object"],
    ['{"direction":"up","port":1,"width":8,"value":1}', "direction"],
    ['{"direction":"in","port":65536,"width":8,"value":1}', "port"],
    ['{"direction":"in","port":1,"width":64,"value":1}', "width"],
    ['{"direction":"in","port":1,"width":8,"value":256}', "value"],
    ['{"direction":"in","port":1,"width":8}', "value"],
    ['{"direction":"in","port":1,"width":8,"value":1,"count":0}', "count"],
    ['{"direction":"in","port":1,"width":16,"value":1,"payload":"41"}', "payload"],
    ['{"direction":"in","port":1,"width":8,"value":1,"count":3,"payload":"41"}', "count"],
    ['{"direction":"in","port":1,"width":8,"value":1,"time":-1}', "time"],
    ['{"gap":{"lost":1}}', "gap.reason"],
  ])("%s is told with its reason", async (line, reason) => {
    const { bad } = await imported(`${line}\n`, "ndjson");
    expect(bad).toMatchObject([{ line: 1, text: line }]);
    expect(bad[0]?.reason).toContain(reason);
  });
});

describe("losses as other tools write them", () => {
  const event = " qemu-system-x86 24810 [000]  1040.112480: kvm:kvm_pio: pio_write at 0x70 size 1 count 1 val 0x8f ";
  test.each([
    ["CPU:1 [LOST 889 EVENTS]", "889 events of CPU 1 were lost"],
    ["CPU:12 [LOST EVENTS]", "events of CPU 12 were lost"],
    ["inst: CPU:1 [889 EVENTS DROPPED]", "889 events of CPU 1 were lost"],
    ["CPU:0 [EVENTS DROPPED]", "events of CPU 0 were lost"],
    [" qemu-system-x86 24810 [003]  1040.112488: PERF_RECORD_LOST lost 26", "26 events of CPU 3 were lost"],
  ])("%s", async (line, reason) => {
    const { gaps, rows } = await imported([event, line, event, ""].join("\n"));
    expect(gaps).toMatchObject([{ index: 1, reason, lost: undefined }]);
    expect(rows.length).toBe(2);
  });

  test("threads are vcpus in the order in which they come up, and a marker says which", async () => {
    const text = [event, event.replace("24810", "24811"), event].join("\n");
    const { rows, markers } = await imported(text);
    expect(rows.map(({ vcpu }) => vcpu)).toEqual([0, 1, 0]);
    expect(markers.map(({ text: said }) => said)).toEqual(["vcpu 0 is thread 24810", "vcpu 1 is thread 24811"]);
  });

  test.each([
    "kvm_pio: pio_write at 0x70",
    " q 1 [000] 1.000000: kvm_pio: pio_move at 0x70 size 1 count 1 val 0x8f",
    " q 1 [000] 1.000000: kvm_pio: pio_read at 0x70 size 1 count 0 val 0x8f",
    " q 1 [000] 1.000000: kvm_pio: pio_read at 0x12345 size 1 count 1 val 0x8f",
  ])("counts a malformed line: %s", async (line) => {
    const { report } = await imported(`${event}\n ${line}\n`);
    expect(report.counts).toMatchObject({ lines: 2, malformed: 1 });
  });
});

test("a log of no known format is refused before anything is written", async () => {
  await expect(imported("hello\nworld\n")).rejects.toMatchObject({ code: "IMPORT_UNRECOGNISED" });
});

test("a reading that breaks off leaves a closed trace of what came before", async () => {
  const sink = memorySink();
  const malformed = (): never => {
    throw new Error("enough");
  };
  const log = await recogniseLog(pieces(Buffer.from("out8 0x20 0x11\nwhat?\nout8 0x21 0x30\n"), 1000));
  await expect(importTrace(log, sink, { info: infoWith("none"), malformed })).rejects.toThrow("enough");
  const { rows, reader } = await read(sink.bytes());
  expect(rows).toMatchObject([{ port: 0x20 }]);
  expect(reader.problems).toEqual([]);
});

test("no bytes make an import throw", async () => {
  const line = fc.constantFrom(
    "memory_region_ops_write cpu 0 mr 0x1 addr 0x20 value 0x60 size 1 name 'pic'",
    " qemu 24810 [000]  1040.112480: kvm:kvm_pio: pio_write at 0x70 size 1 count 1 val 0x8f ",
    "0000.0008    R..D    [f000:e0b1]   IO: outb 0080 <= 01",
    '{"seq":1,"time":5,"direction":"out","port":"0x20","width":8,"value":"0x11"}',
    "7 1.000002 in16 0x1f0 0x1234 x2 34125678",
  );
  const hits = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 12 });
  const format = fc.constantFrom(...importFormats.map(({ name }) => name));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), hits, format, async (lines, damage, from) => {
      const bytes = Buffer.from(`${lines.join("\n")}\n`);
      for (const [at, byte] of damage) if (at < bytes.length) bytes[at] = byte;
      const { report } = await imported(bytes.toString("latin1"), from, 7);
      expect(report.counts.lines).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test("remarks without accesses in between are handed on in bounded batches", async () => {
  const { gaps, markers } = await imported('marker "a"\ngap "b"\n'.repeat(10_000), "plain", 65_536);
  expect([gaps.length, markers.length]).toEqual([10_000, 10_000]);
});

test("lines that cannot be read, one after the other, are one gap", async () => {
  const { gaps, report } = await imported(`out8 0x20 0x11\n${"what?\n".repeat(1000)}out8 0x20 0x12\n`);
  expect(report.counts.malformed).toBe(1000);
  expect(gaps).toMatchObject([{ index: 1 }]);
});

test.each(["plain", "ndjson"])("the longest payload fits into a line: %s", async (from) => {
  const hex = "5a".repeat(MAX_PAYLOAD_BYTES);
  const line = {
    plain: `out8 0x402 0x5a x${MAX_PAYLOAD_BYTES} ${hex}\n`,
    ndjson: `{"direction":"out","port":"0x402","width":8,"value":"0x5a","payload":"${hex}"}\n`,
  };
  const { rows, bad } = await imported(from === "plain" ? line.plain : line.ndjson, from, 65_536);
  expect(bad).toEqual([]);
  expect(rows.map(({ string }) => string?.payload?.length)).toEqual([MAX_PAYLOAD_BYTES]);
});
