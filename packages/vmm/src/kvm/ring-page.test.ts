import { readFileSync } from "node:fs";
import { directionOf, widthOf } from "@portrait/tracer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AccessQueue } from "./access-queue.ts";
import { KvmError } from "./errors.ts";
import { parsePioFormat, parseRingFormat } from "./ring-format.ts";
import { RingPages, type Missed } from "./ring-page.ts";

const fixture = (name: string) => new URL(`../../../../fixtures/kvm-ring-pages/${name}`, import.meta.url);
const text = (name: string) => readFileSync(fixture(name), "utf8");

const RING = parseRingFormat(text("header_page.txt"), text("header_event.txt"));
const PIO = parsePioFormat(text("kvm_pio.txt"));
const BYTES = readFileSync(fixture("pages.bin"));
const PAGE = 4096;
const PAGES = [...Array(BYTES.length / PAGE).keys()].map((i) => BYTES.subarray(i * PAGE, (i + 1) * PAGE));

function readInto(queue: AccessQueue, page: Buffer, origin = 0n): Missed {
  return new RingPages(RING, origin).read(page, (time, at, length) => queue.push(time, page, at, length, PIO));
}

function accesses(pages: readonly Buffer[], origin = 0n) {
  const queue = new AccessQueue();
  const missed = pages.map((page) => readInto(queue, page, origin));
  const rows = [...Array(queue.tail).keys()].map((row) => ({
    time: queue.time[row] ?? 0,
    thread: queue.thread[row],
    direction: directionOf(queue.op[row] ?? 0),
    port: queue.port[row],
    width: widthOf(queue.op[row] ?? 0),
    value: queue.value[row],
    count: queue.count[row],
  }));
  return { rows, missed };
}

/** An entry: its first word, then others. */
function entry(type: number, delta: number, ...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * words.length);
  [type | (delta << 5), ...words].forEach((word, i) => bytes.writeUInt32LE(word >>> 0, 4 * i));
  return bytes;
}

function page(time: bigint, entries: readonly Buffer[], flags = 0, tail: readonly number[] = []): Buffer {
  const bytes = Buffer.alloc(PAGE);
  const body = Buffer.concat(entries);
  bytes.writeBigUInt64LE(time, 0);
  bytes.writeUInt32LE((body.length | flags) >>> 0, 8);
  body.copy(bytes, 16);
  tail.forEach((word, i) => bytes.writeUInt32LE(word, 16 + body.length + 4 * i));
  return bytes;
}

function visited(one: Buffer, origin = 0n) {
  const times: number[] = [];
  const missed = new RingPages(RING, origin).read(one, (time) => times.push(time));
  return { times, missed };
}

describe("pages of a real kernel", () => {
  test("hold what the kernel says they hold", () => {
    const LINE = /-(\d+) .* (\d+)\.(\d{6}): kvm_pio: pio_(read|write) at 0x(\w+) size (\d) count (\d+) val 0x(\w+)/;
    const told = text("entries.txt")
      .trimEnd()
      .split("\n")
      .map((line) => {
        const [, thread, seconds, micros, kind, port = "", size, count, value = ""] = LINE.exec(line) ?? [];
        return {
          time: Number(seconds) * 1e6 + Number(micros),
          thread: Number(thread),
          direction: kind === "read" ? "in" : "out",
          port: parseInt(port, 16),
          width: 8 * Number(size),
          value: parseInt(value, 16),
          count: Number(count),
        };
      });
    const { rows } = accesses(PAGES);
    expect(rows.map((row) => ({ ...row, time: Math.round(row.time / 1000) }))).toEqual(told);
  });

  test("say how much is missing before the first", () => {
    const overrun = Number(/^overrun: (\d+)/m.exec(text("stats.txt"))?.[1]);
    const [first, ...others] = accesses(PAGES).missed;
    expect(overrun).toBeGreaterThan(0);
    expect(first).toEqual({ kind: "entries", count: overrun });
    expect(others.every(({ kind }) => kind === "nothing")).toBe(true);
  });

  test("have times from the origin", () => {
    const [first] = accesses(PAGES).rows;
    const [later] = accesses(PAGES, 900_000_000_000n).rows;
    expect(later?.time).toBe((first?.time ?? 0) - 900e9);
  });
});

describe("an entry", () => {
  const data = (delta: number) => entry(1, delta, 0);

  test("is later than the one before by its time", () => {
    expect(visited(page(1000n, [data(0), data(5), data(7)])).times).toEqual([1000, 1005, 1012]);
  });

  test("that extends the time counts in steps of 2^27 ns", () => {
    expect(visited(page(0n, [data(1), entry(30, 3, 2), data(4)])).times).toEqual([1, 8 + 2 * 2 ** 27]);
  });

  test("that stamps the time sets all but its five highest bits", () => {
    const high = 1n << 60n;
    expect(visited(page(high, [data(0), entry(31, 9, 1), data(1)]), high).times).toEqual([0, 2 ** 27 + 10]);
  });

  test("that was discarded is passed over, its time is not", () => {
    expect(visited(page(0n, [data(1), entry(29, 10, 8, 0), data(1)])).times).toEqual([1, 12]);
  });

  test("that is padding to the end ends the page", () => {
    expect(visited(page(0n, [data(1), entry(29, 0, 4000), data(1)])).times).toEqual([1]);
  });

  test("that is too long for its type has its length in front", () => {
    expect(visited(page(0n, [entry(0, 2, 12, 7, 7), data(1)])).times).toEqual([2, 3]);
  });

  test("of another event is passed over", () => {
    const one = page(0n, [entry(7, 0, PIO.id + 1, 0, 0, 0, 0, 0, 0)]);
    expect(accesses([one]).rows).toEqual([]);
  });
});

describe("what is missing before a page", () => {
  test("is a number where the kernel had room for it", () => {
    expect(visited(page(0n, [], 3 << 30, [77, 0])).missed).toEqual({ kind: "entries", count: 77 });
  });

  test("is of unknown number where it had not", () => {
    expect(visited(page(0n, [], 2 << 30, [77, 0])).missed).toEqual({ kind: "entries", count: undefined });
  });
});

describe("damage", () => {
  const readAll = (one: Buffer): void => void readInto(new AccessQueue(), one);
  const expectTyped = (one: Buffer): void => {
    try {
      readAll(one);
    } catch (error) {
      expect(error).toBeInstanceOf(KvmError);
      expect(error).toMatchObject({ code: "PAGE" });
    }
  };

  test.each<[string, Buffer]>([
    ["a page without its head", Buffer.alloc(8)],
    ["more entries than page", page(0n, [], 5000)],
    ["an entry beyond the end", page(0n, [entry(20, 0, 1)])],
    ["half a time", page(0n, [entry(30, 0)])],
    ["an entry without its length", page(0n, [entry(0, 0)])],
    ["a length that does not hold itself", page(0n, [entry(0, 0, 0)])],
    ["an access too short for its fields", page(0n, [entry(1, 0, PIO.id)])],
    ["an access of no size", page(0n, [entry(7, 0, PIO.id, 1, 0, 0x20, 3, 1, 0)])],
    ["a port there is not", page(0n, [entry(7, 0, PIO.id, 1, 0, 0x10000, 1, 1, 0)])],
  ])("%s is told", (_, one) => {
    expect(() => readAll(one)).toThrow(KvmError);
  });

  test("never gives anything but a typed error: real pages with bytes changed, cut anywhere", () => {
    const change = fc.tuple(fc.nat(PAGE - 1), fc.nat(255));
    const damage = fc.tuple(fc.nat(PAGES.length - 1), fc.array(change, { minLength: 1, maxLength: 20 }), fc.nat(PAGE));
    fc.assert(
      fc.property(damage, ([number, changes, length]) => {
        const one = Buffer.from(PAGES[number] ?? []);
        for (const [at, byte] of changes) one[at] = byte;
        expectTyped(one);
        expectTyped(one.subarray(0, length));
      }),
      { numRuns: 500 },
    );
  });

  test("never gives anything but a typed error: pages of noise", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectTyped(Buffer.from(bytes))));
  });
});

describe("a kernel's own descriptions", () => {
  test.each([
    ["a field", () => parsePioFormat(text("kvm_pio.txt").replace(/val;/, "value;")), /no field val/],
    ["a number", () => parsePioFormat(text("kvm_pio.txt").replace(/ID:.*/, "")), /no ID/],
    ["an entry's types", () => parseRingFormat(text("header_page.txt"), ""), /header_event/],
    ["a page's length", () => parseRingFormat("", text("header_event.txt")), /no field timestamp/],
  ])("that lack %s are refused", (_, parse, message) => {
    expect(parse).toThrow(message);
    expect(parse).toThrow(KvmError);
  });

  test("are followed where fields stand elsewhere", () => {
    const moved = parsePioFormat(text("kvm_pio.txt").replace("val;\toffset:24;", "val;\toffset:40;"));
    expect(moved).toMatchObject({ value: { offset: 40, size: 4 }, length: 44 });
  });
});
