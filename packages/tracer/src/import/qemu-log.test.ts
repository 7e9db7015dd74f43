import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryMappedRegion } from "../memory-mapped.ts";
import { accessAt, BatchBuilder, type Access } from "../batch.ts";
import { QemuLog, type QemuLogOptions } from "./qemu-log.ts";

/** Reads the pieces and gives everything that came out. */
function read(pieces: readonly Uint8Array[], options: QemuLogOptions & { arrival?: number } = {}) {
  const accesses: Access[] = [];
  const markers: string[] = [];
  const builder = new BatchBuilder((batch) => {
    markers.push(...batch.markers.map(({ text }) => text));
    for (let i = 0; i < batch.length; i++) accesses.push(accessAt(batch, i));
  });
  const log = new QemuLog(builder, options);
  for (const piece of pieces) log.push(piece, options.arrival);
  log.end();
  builder.flush();
  return { accesses, markers, counts: log.counts, originMicros: log.originMicros };
}

const readText = (text: string, options: QemuLogOptions & { arrival?: number } = {}) =>
  read([Buffer.from(text, "latin1")], options);

// As QEMU 7.2 writes them: Linux acknowledges an interrupt, reads a port where nothing is, writes a byte with a sign
// extension, programs PCI; then a write to VGA memory, and a write by qtest.
const LOG = `memory_region_ops_write cpu 0 mr 0x55bd1c1e4a50 addr 0x20 value 0x60 size 1 name 'pic'
memory_region_ops_read cpu 1 mr 0x55bd1c04ff00 addr 0x510 value 0xffffffffffffffff size 2 name 'io'
memory_region_ops_write cpu 0 mr 0x55bd1c1e4a50 addr 0x402 value 0xffffffff size 1 name 'io'
memory_region_ops_write cpu 0 mr 0x55bd1c1e4a50 addr 0xcf8 value 0x80000004 size 4 name 'pci-conf-idx'
memory_region_ops_write cpu 0 mr 0x55bd1cfda2c0 addr 0xa0000 value 0x7 size 1 name 'vga-lowmem'
memory_region_ops_write cpu -1 mr 0x55bd1c1e4a50 addr 0x21 value 0xff size 1 name 'pic'
`;

const row = (vcpu: number, direction: "in" | "out", port: number, width: number, value: number) => ({
  vcpu,
  direction,
  port,
  width,
  value,
});

describe("QEMU's trace log", () => {
  test("gives the guest's port accesses, cut to their size, and counts the rest", () => {
    const { accesses, counts } = readText(LOG);
    expect(accesses).toMatchObject([
      row(0, "out", 0x20, 8, 0x60),
      row(1, "in", 0x510, 16, 0xffff),
      row(0, "out", 0x402, 8, 0xff),
      row(0, "out", 0xcf8, 32, 0x8000_0004),
    ]);
    expect(counts).toMatchObject({ lines: 6, accesses: 4, memory: 1, foreign: 1, other: 0, malformed: 0 });
  });

  test("tells of each region that the guest reaches through memory, once, before its next access", () => {
    const text = LOG + LOG + "memory_region_ops_read cpu 0 mr 0x7 addr 0xfebf1000 value 0x0 size 4 name 'nic'\n" + LOG;
    const { markers } = readText(text.replaceAll("addr 0x21 ", "addr 0xfebf2000 "));
    expect(markers).toEqual(["memory-mapped: vga-lowmem", "memory-mapped: nic"]);
    expect(markers.map(memoryMappedRegion)).toEqual(["vga-lowmem", "nic"]);
    expect(memoryMappedRegion("times are those of arrival")).toBeUndefined();
  });

  test("tells port FFFFh from memory at 10000h", () => {
    const line = (addr: string) => `memory_region_ops_read cpu 0 mr 0x1 addr 0x${addr} value 0x0 size 1 name 'x'\n`;
    const { accesses, counts } = readText(line("ffff") + line("10000") + line("fee00020") + line("100000020"));
    expect(accesses.map(({ port }) => port)).toEqual([0xffff]);
    expect(counts.memory).toBe(3);
  });

  test("reads lines of QEMUs before 7.0, which have no name", () => {
    const { accesses } = readText("memory_region_ops_write cpu 0 mr 0x1 addr 0x20 value 0x11 size 1\n");
    expect(accesses).toMatchObject([row(0, "out", 0x20, 8, 0x11)]);
  });

  test("takes the time from the stamps: PID@SECONDS.MICROS:", () => {
    const stamped = LOG.replace(/^/gm, "4711@1700000000.000123:").replace(".000123:", ".000003:");
    const { accesses, originMicros } = readText(stamped, { arrival: 5 });
    expect(accesses.map(({ time }) => time)).toEqual([0, 120_000, 120_000, 120_000]);
    expect(originMicros).toBe(1_700_000_000_000_003);
  });

  test("takes the time from the stamps of newer QEMUs: 2023-11-14T22:13:20.000003Z", () => {
    const [first = "", second = ""] = LOG.split("\n");
    const text = `2023-11-14T22:13:20Z ${first}\n2023-11-14T22:13:21.000007Z ${second}\n`;
    const { accesses, originMicros } = readText(text);
    expect(accesses.map(({ time }) => time)).toEqual([0, 1_000_007_000]);
    expect(originMicros).toBe(1_700_000_000_000_000);
  });

  test("takes the time of arrival where there is no stamp", () => {
    const { accesses } = readText(LOG, { arrival: 7 });
    expect(accesses.map(({ time }) => time)).toEqual([7, 7, 7, 7]);
  });

  test("counts times from a given origin, and never lets them go back", () => {
    const [line = ""] = LOG.split("\n");
    const text = ["1@10.000009:", "1@10.000007:", "1@9.999999:", ""].map((stamp) => `${stamp}${line}\n`).join("");
    const { accesses } = readText(text, { originMicros: 10_000_000 });
    expect(accesses.map(({ time }) => time)).toEqual([9000, 9000, 9000, 9000]);
  });

  test("passes sizes over that a trace cannot hold", () => {
    const { accesses, counts } = readText("memory_region_ops_read cpu 0 mr 0x1 addr 0x20 value 0x0 size 8 name 'x'\n");
    expect(accesses).toEqual([]);
    expect(counts.oddSizes).toBe(1);
  });

  test("hands on other lines with their stamps, also where digits begin them", () => {
    const lines: string[] = [];
    const text = "handle_qmp_command mon 0x1 req: {}\n42\n1@2.3:pit_ioport_read x\n\n2023-11-14\nmemory_region_x\n";
    const { counts } = readText(text + LOG, { other: (line) => lines.push(line) });
    expect(lines).toEqual(text.split("\n").slice(0, -1));
    expect(counts).toMatchObject({ lines: 12, other: 6, accesses: 4, malformed: 0 });
  });

  test.each([
    "memory_region_ops_write cpu x mr 0x1 addr 0x20 value 0x11 size 1 name 'pic'",
    "memory_region_ops_write cpu 65536 mr 0x1 addr 0x20 value 0x11 size 1 name 'pic'",
    "memory_region_ops_write cpu 0 mr 0x1 addr 0x value 0x11 size 1 name 'pic'",
    "memory_region_ops_write cpu 0 mr 0x1 addr 0x20 value 0x size 1 name 'pic'",
    "memory_region_ops_write cpu 0 mr 0x1 addr 0x20 value 0x11 size",
    "memory_region_ops_write cpu 0 mr",
    "memory_region_ops_wri",
  ])("counts a malformed line and goes on with the next: %s", (line) => {
    const { accesses, counts } = readText(`${LOG}${line}\n${LOG}`);
    expect(accesses.length).toBe(8);
    expect(counts).toMatchObject({ lines: 13, malformed: 1, firstMalformed: 7 });
  });

  test("passes a line over that has no end, in bounded memory", () => {
    const pieces = Array.from({ length: 300 }, () => Buffer.alloc(65_536, "x"));
    const { accesses, counts } = read([...pieces, Buffer.from(`\n${LOG}`)]);
    expect(accesses.length).toBe(4);
    expect(counts).toMatchObject({ lines: 7, other: 1 });
  });
});

const access = fc.record({
  stamp: fc.constantFrom("", "1@1700000000.000123:", "2023-11-14T22:13:20.000123Z "),
  out: fc.boolean(),
  cpu: fc.integer({ min: -1, max: 300 }),
  addr: fc.oneof(fc.nat(0xffff), fc.nat(0xffff_ffff)),
  value: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  size: fc.constantFrom(1, 2, 4),
});
const line = fc.oneof(
  { weight: 4, arbitrary: access },
  fc.string({ unit: "grapheme-ascii" }).filter((s) => !s.includes("memory_region_ops_")),
);
const pieceEnds = fc.array(fc.nat(4000), { maxLength: 30 });

function textOf(lines: readonly (typeof line extends fc.Arbitrary<infer T> ? T : never)[]): string {
  return lines
    .map((one) => {
      if (typeof one === "string") return `${one}\n`;
      const [direction, addr, value] = [one.out ? "write" : "read", one.addr.toString(16), one.value.toString(16)];
      return `${one.stamp}memory_region_ops_${direction} cpu ${one.cpu} mr 0x5 addr 0x${addr} value 0x${value} size ${one.size} name 'a b'\n`;
    })
    .join("");
}

function cut(bytes: Uint8Array, ends: readonly number[]): Uint8Array[] {
  const at = [0, ...ends.map((end) => Math.min(end, bytes.length)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.slice(at[i], end));
}

describe("for any log", () => {
  test("what is read is what was logged, wherever the pieces are cut", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), pieceEnds, (lines, ends) => {
        const { accesses, counts } = read(cut(Buffer.from(textOf(lines), "latin1"), ends));
        const logged = lines.filter((one) => typeof one !== "string");
        const ports = logged.filter(({ addr, cpu }) => addr < 0x10000 && cpu >= 0);
        expect(accesses).toMatchObject(
          ports.map(({ cpu, out, addr, size, value }) =>
            row(cpu, out ? "out" : "in", addr, size * 8, Number(BigInt.asUintN(size * 8, value))),
          ),
        );
        expect(counts.memory + counts.foreign + counts.accesses).toBe(logged.length);
        expect(counts).toMatchObject({ lines: lines.length, other: lines.length - logged.length, malformed: 0 });
      }),
    );
  });

  test("damage costs the lines it stands in, and nothing throws", () => {
    const bytes = Buffer.from(LOG.repeat(5), "latin1");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }),
        pieceEnds,
        (hits, ends) => {
          const damaged = Buffer.from(bytes);
          for (const [at, byte] of hits) damaged[at] = byte;
          const { counts } = read(cut(damaged, ends));
          const { lines, accesses, memory, foreign, oddSizes, malformed, other } = counts;
          expect(accesses + memory + foreign + oddSizes + malformed + other).toBe(lines);
          expect(accesses).toBeGreaterThanOrEqual(20 - 2 * hits.length);
        },
      ),
    );
  });
});
