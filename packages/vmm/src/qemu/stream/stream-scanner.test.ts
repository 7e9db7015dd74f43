import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StreamError } from "./errors.ts";
import { isDevice, strippedTail } from "./kept-sections.ts";
import { StreamScanner } from "./stream-scanner.ts";
import type { StreamTail } from "./tail.ts";

const u8 = (value: number) => Buffer.of(value);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const name = (text: string) => Buffer.concat([u8(text.length), Buffer.from(text)]);
const footer = (section: number) => Buffer.concat([u8(0x7e), u32(section)]);
const EOS = u64(0x10);

const header = Buffer.concat([Buffer.from("QEVM"), u32(3), u8(7), u32(4), Buffer.from("pc-x")]);
const ramStart = (version = 4) =>
  Buffer.concat([
    ...[u8(1), u32(2), name("ram"), u32(0), u32(version)],
    ...[u64(0x5004), name("pc.ram"), u64(0x4000), name("rom"), u64(0x1000), EOS, footer(2)],
  ]);
const ramPart = (type: number, records: readonly Buffer[]) =>
  Buffer.concat([u8(type), u32(2), ...records, EOS, footer(2)]);
const page = (byte: number) => Buffer.alloc(4096, byte);
const memory = [
  ramStart(),
  ramPart(2, [Buffer.concat([u64(0x08), name("pc.ram"), page(1)]), Buffer.concat([u64(0x1022), u8(0)])]),
  // "Same block as before" holds across parts.
  ramPart(3, [Buffer.concat([u64(0x2028), page(2)]), Buffer.concat([u64(0x02), name("rom"), u8(0)])]),
];

const pit = {
  name: "i8254",
  instance_id: 0,
  version: 3,
  fields: [
    {
      name: "channels",
      type: "struct",
      size: 5,
      array_len: 2,
      struct: {
        fields: [
          { name: "count", type: "int32", size: 4 },
          { name: "gate", type: "bool", size: 1 },
        ],
      },
    },
    { name: "config[0]", type: "buffer", size: 2 },
    { name: "load_time", type: "int64", size: 8 },
    { name: "load_time", type: "int64", size: 8 },
    { name: "unused", type: "unused_buffer", size: 1 },
    { name: "line", type: "uint8", size: 1, index: 3 },
  ],
  subsections: [{ vmsd_name: "i8254/gates", version: 1, fields: [{ name: "kind", type: "odd thing", size: 2 }] }],
};
const pitData = Buffer.concat([
  ...[u32(0xfffffffe), u8(1), u32(7), u8(0), Buffer.of(9, 8), u64(5), u64(0x7fff_ffff_ffff_ffffn), u8(0), u8(4)],
  ...[u8(5), name("i8254/gates"), u32(1), Buffer.of(0xab, 0xcd)],
]);
const timer = { name: "timer", instance_id: 0, version: 2, fields: [{ name: "offset", type: "uint16", size: 2 }] };
const section = (number: number, of: { name: string; instance_id: number; version: number }, data: Buffer) =>
  Buffer.concat([u8(4), u32(number), name(of.name), u32(of.instance_id), u32(of.version), data, footer(number)]);
const timerSection = section(1, timer, Buffer.of(1, 2));
const pitSection = section(9, pit, pitData);
const description = (value: unknown) => {
  const text = Buffer.from(JSON.stringify(value));
  return Buffer.concat([u8(0), u8(6), u32(text.length), text]);
};

const beforeDevices = Buffer.concat([header, ...memory]);
const good = Buffer.concat([
  beforeDevices,
  timerSection,
  pitSection,
  description({ page_size: 4096, devices: [timer, pit] }),
]);

/** Reads a stream given in chunks; what belongs before the devices is put together again. */
function read(chunks: readonly Uint8Array[]): { passed: Buffer; tail: StreamTail } {
  const scanner = new StreamScanner();
  const passed = Buffer.concat(chunks.map((chunk) => scanner.push(chunk)));
  return { passed, tail: scanner.end() };
}

function failure(bytes: Uint8Array): unknown {
  try {
    read([bytes]);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a migration stream", () => {
  test("is split into what goes before the devices, and the devices by name", () => {
    const { passed, tail } = read([good]);
    expect(passed.equals(beforeDevices)).toBe(true);
    expect(tail.sections.map((one) => [one.name, one.instance, isDevice(one)])).toEqual([
      ["timer", 0, false],
      ["i8254", 0, true],
    ]);
    expect(Buffer.from(tail.sections[1]?.bytes ?? []).equals(pitSection)).toBe(true);
  });

  test("gives each device's fields as its description says", () => {
    expect(read([good]).tail.sections[1]?.fields).toEqual([
      { path: "i8254[0].channels[0].count", value: -2 },
      { path: "i8254[0].channels[0].gate", value: true },
      { path: "i8254[0].channels[1].count", value: 7 },
      { path: "i8254[0].channels[1].gate", value: false },
      { path: "i8254[0].config[0]", value: 9 },
      { path: "i8254[0].config[1]", value: 8 },
      { path: "i8254[0].load_time", value: 5 },
      { path: "i8254[0].load_time#2", value: "9223372036854775807" },
      { path: "i8254[0].line[3]", value: 4 },
      { path: "i8254[0]/gates.kind", value: "abcd" },
    ]);
  });

  test("without its devices ends with the kept sections and an empty description", () => {
    const end = Buffer.concat([u8(0), u8(6), u32(2), Buffer.from("{}")]);
    expect(Buffer.from(strippedTail(read([good]).tail))).toEqual(Buffer.concat([timerSection, end]));
  });

  test("reads the same however it is cut into chunks", () => {
    const cuts = fc.array(fc.nat(good.length), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, (unsorted) => {
        const places = [0, ...unsorted.sort((a, b) => a - b), good.length];
        const chunks = places.slice(1).map((to, i) => good.subarray(places[i], to));
        const { passed, tail } = read(chunks);
        expect(passed.equals(beforeDevices)).toBe(true);
        expect(tail).toEqual(read([good]).tail);
      }),
    );
  });

  test("is complete once its last byte has come, and not before", () => {
    const scanner = new StreamScanner();
    const complete = Array.from(good, (_, i) => {
      scanner.push(good.subarray(i, i + 1));
      return scanner.complete;
    });
    expect(complete.indexOf(true)).toBe(good.length - 1);
    expect(scanner.end()).toEqual(read([good]).tail);
  });

  test("may have any number of pages behind each other, and a bad one among them is found where it is", () => {
    const zero = (at: number) => Buffer.concat([u64(at | 0x22), u8(0)]);
    const full = (at: number) => Buffer.concat([u64(at | 0x28), page(at >> 12)]);
    const first = Buffer.concat([u64(0x08), name("pc.ram"), page(1)]);
    const pages = [first, full(0x1000), zero(0x2000), zero(0x3000), full(0x3000), full(0x2000)];
    const begin = Buffer.concat([header, ramStart(), u8(2), u32(2), ...pages]);
    const end = Buffer.concat([EOS, footer(2), ...memory.slice(2), good.subarray(beforeDevices.length)]);
    expect(read([Buffer.concat([begin, end])]).tail.sections).toHaveLength(2);
    const offset = begin.length + 8;
    expect(failure(Buffer.concat([begin, full(0x4000), end]))).toMatchObject({ code: "FORMAT", offset });
    expect(failure(Buffer.concat([begin, u64(0x1000 | 0x68), end]))).toMatchObject({ code: "VERSION", offset });
  });

  test("keeps no chunk that its owner may use again", () => {
    const scanner = new StreamScanner();
    const chunk = Buffer.from(good);
    scanner.push(chunk);
    chunk.fill(0);
    expect(scanner.end()).toEqual(read([good]).tail);
  });
});

describe("a stream that is cut off", () => {
  const sections = memory.map((_, i) => Buffer.concat([header, ...memory.slice(0, i + 1)]));
  /** Lengths at which it lacks nothing but the end of a part. */
  const mendable = sections.flatMap(({ length }) => [0, 1, 2, 3, 4, 5].map((missing) => length - missing));

  test("is one with another stream that follows, in whatever chunks that comes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...mendable), fc.integer({ min: 1, max: good.length }), (length, size) => {
        const scanner = new StreamScanner();
        const passed = [scanner.push(good.subarray(0, length)), scanner.cut()];
        for (let at = 0; at < good.length; at += size) passed.push(scanner.push(good.subarray(at, at + size)));
        const whole = sections.find((section) => section.length >= length) ?? header;
        const expected = Buffer.concat([whole, beforeDevices.subarray(header.length)]);
        expect(Buffer.concat(passed).equals(expected)).toBe(true);
        expect(scanner.end()).toEqual(read([good]).tail);
      }),
    );
  });

  const cutAt = (length: number): unknown => {
    const scanner = new StreamScanner();
    scanner.push(good.subarray(0, length));
    try {
      return scanner.cut();
    } catch (error) {
      return error;
    }
  };

  test("anywhere else is an error", () => {
    for (let length = 0; length < good.length; length++) {
      if (mendable.includes(length)) continue;
      expect([length, cutAt(length)]).toEqual([length, expect.any(StreamError)]);
    }
  });
});

describe("a damaged stream", () => {
  test("that is cut off anywhere is an error", () => {
    for (let length = 0; length < good.length; length++) {
      expect([length, failure(good.subarray(0, length))]).toEqual([length, expect.any(StreamError)]);
    }
  });

  test("with any bit flipped reads on or is an error of ours", () => {
    const others: [number, unknown][] = [];
    for (let bit = 0; bit < good.length * 8; bit += bit < beforeDevices.length * 8 && inPage(bit >> 3) ? 4096 : 1) {
      const flipped = Buffer.from(good);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const error = failure(flipped);
      if (error !== undefined && !(error instanceof StreamError)) others.push([bit, error]);
    }
    expect(others).toEqual([]);
  });

  test("of any bytes is an error of ours", () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const starts = fc.constantFrom(
      Buffer.alloc(0),
      header,
      beforeDevices,
      Buffer.concat([beforeDevices, timerSection]),
    );
    fc.assert(
      fc.property(starts, bytes, (start, rest) => {
        expect(failure(Buffer.concat([start, rest]))).toBeInstanceOf(StreamError);
      }),
    );
  });

  test("with an unknown part, version or flag says what it is", () => {
    const after = (...parts: Buffer[]) => failure(Buffer.concat([header, ...parts]));
    const xbzrle = Buffer.concat([u64(0x48), name("pc.ram"), page(0)]);
    const cases = [
      [failure(Buffer.concat([Buffer.from("QEVM"), u32(4)])), "VERSION", /version 4/],
      [failure(Buffer.from("#!/bin/sh\n")), "FORMAT", /not a QEMU migration stream/],
      [after(ramStart(5)), "VERSION", /"ram" has version 5/],
      [after(ramStart(), ramPart(2, [xbzrle])), "VERSION", /flags 48h; switch compression/],
      [after(ramStart(), ramPart(2, [Buffer.concat([u64(0x4008), name("pc.ram")])])), "FORMAT", /outside its block/],
      [after(Buffer.concat([u8(1), u32(3), name("block"), u32(0), u32(1)])), "VERSION", /"block" comes in parts/],
      [after(Buffer.concat([u8(8), u32(1)])), "VERSION", /return-path/],
      [after(u8(5)), "FORMAT", /unknown type 5/],
      [after(Buffer.from(pitSection)), "FORMAT", /before the end of memory/],
      [failure(Buffer.concat([beforeDevices, timerSection, u8(0)])), "TRUNCATED", /suppress-vmdesc/],
    ] as const;
    for (const [error, code, message] of cases) {
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    }
  });

  test("with a description that lies is an error, and takes no time or memory", () => {
    const withDevices = (devices: unknown) =>
      failure(Buffer.concat([beforeDevices, timerSection, description({ devices })]));
    const fields = (list: unknown) => [{ ...timer, fields: list }];
    const endless = { name: "x", type: "uint8", size: 0, array_len: 0xffffffff };
    expect(withDevices(fields([endless]))).toMatchObject({
      code: "FORMAT",
      message: expect.stringMatching(/more than 262144 fields/),
    });
    expect(withDevices(fields([{ ...endless, size: 0xffffffff }]))).toMatchObject({
      message: expect.stringMatching(/shorter than/),
    });
    expect(withDevices([])).toMatchObject({
      message: expect.stringMatching(/a section that its description does not have/),
    });
    expect(withDevices([{ ...timer, instance_id: 1 }])).toMatchObject({
      message: expect.stringMatching(/where its description has "timer" 1/),
    });
    expect(withDevices(fields([]))).toMatchObject({
      message: expect.stringMatching(/does not end where its description says/),
    });
    const torn = { ...pit, fields: [{ ...pit.fields[0], size: 4 }] };
    const withTorn = Buffer.concat([beforeDevices, pitSection, description({ devices: [torn] })]);
    expect(failure(withTorn)).toMatchObject({ message: expect.stringMatching(/"channels" has 5 bytes, not 4/) });
    expect(withDevices({})).toMatchObject({ message: expect.stringMatching(/description cannot be read/) });
    const deep = `{"devices":${"[".repeat(100_000)}`;
    const text = Buffer.concat([u8(0), u8(6), u32(deep.length), Buffer.from(deep)]);
    expect(failure(Buffer.concat([beforeDevices, timerSection, text]))).toMatchObject({ code: "FORMAT" });
  });

  test("with more than 16 MiB of devices is refused before it is kept", () => {
    const scanner = new StreamScanner();
    scanner.push(Buffer.concat([beforeDevices, u8(4)]));
    const more = Buffer.alloc(1 << 20);
    expect(() => {
      for (let i = 0; i < 16; i++) scanner.push(more);
    }).toThrow(/more than 16 MiB/);
  });
});

/** True inside the two pages, whose content is the guest's own. */
function inPage(at: number): boolean {
  const first = beforeDevices.indexOf(page(1));
  const second = beforeDevices.indexOf(page(2));
  return (at >= first && at < first + 4096) || (at >= second && at < second + 4096);
}
