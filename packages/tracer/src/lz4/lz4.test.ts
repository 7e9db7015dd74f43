import fc from "fast-check";
import { expect, test } from "vitest";
import { blockBound, blocks, javascriptBlocks } from "./block.ts";
import { decodeFrame, encodeFrame, parseFrameHeader } from "./frame.ts";
import { xxHash32 } from "./xxhash32.ts";

// Test vectors of github.com/Cyan4973/xxHash, tests/sanity_test_vectors.h; the text ones from its command-line tool.
test.each([
  ["", 0, 0x02cc5d05],
  ["", 0x9e3779b1, 0x36b78ae7],
  ["a", 0, 0x550d7456],
  ["abc", 0, 0x32d153ff],
  ["Nobody inspects the spammish repetition", 0, 0xe2293b2f],
])("xxHash32 of %j with seed %i", (text, seed, hash) => {
  expect(xxHash32(Buffer.from(text), seed)).toBe(hash);
});

const codecs = [...new Set([blocks, javascriptBlocks])];
const compressible = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 300 })), { maxLength: 8 })
  .map((runs) => Buffer.concat(runs.flatMap(([bytes, times]) => new Array<Uint8Array>(times).fill(bytes))))
  .filter((bytes) => bytes.length > 0);

test.each(codecs.flatMap((a) => codecs.map((b) => [a.name, b.name, a, b] as const)))(
  "what the %s codec packs, the %s codec unpacks",
  (_a, _b, encoder, decoder) => {
    fc.assert(
      fc.property(compressible, (raw) => {
        const frame = encodeFrame(raw, encoder);
        const header = parseFrameHeader(frame);
        if (typeof header === "string") throw new Error(header);
        const output = new Uint8Array(raw.length);
        expect(header.length).toBe(frame.length);
        expect(decodeFrame(frame, header, output, decoder)).toBeUndefined();
        expect(Buffer.compare(raw, output)).toBe(0);
      }),
    );
  },
);

test.each(codecs.map((codec) => [codec.name, codec] as const))(
  "the %s codec takes any bytes without reading or writing beyond its buffers",
  (_name, codec) => {
    const hostile = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc
        .array(fc.constantFrom(0, 1, 15, 0x1f, 0xf0, 0xff), { minLength: 1, maxLength: 100 })
        .map((a) => Uint8Array.from(a)),
    );
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 300 }), (block, length) => {
        const arena = new Uint8Array(length + 64).fill(0xa5);
        codec.decode(block, arena.subarray(32, 32 + length));
        expect(
          arena.subarray(0, 32).every((b) => b === 0xa5) && arena.subarray(32 + length).every((b) => b === 0xa5),
        ).toBe(true);
      }),
      { numRuns: 2000 },
    );
  },
);

test.each(codecs.map((codec) => [codec.name, codec] as const))(
  "the %s codec refuses a block of another length",
  (_name, codec) => {
    const raw = Buffer.alloc(1000, "port");
    const block = new Uint8Array(blockBound(raw.length));
    const packed = block.subarray(0, codec.encode(raw, block));
    expect(codec.decode(packed, new Uint8Array(1000))).toBe(true);
    for (const length of [999, 1001]) expect(codec.decode(packed, new Uint8Array(length))).toBe(false);
  },
);

test.each(codecs.map((codec) => [codec.name, codec] as const))(
  "the %s codec refuses a block that is cut off",
  (_name, codec) => {
    expect(codec.decode(Uint8Array.of(0x50, 1, 2, 3, 4, 5), new Uint8Array(5))).toBe(true);
    expect(codec.decode(Uint8Array.of(0x50, 1, 2), new Uint8Array(5))).toBe(false);
    expect(codec.decode(Uint8Array.of(0x10, 1, 1), new Uint8Array(5))).toBe(false);
  },
);

test("a frame without its end mark is refused", () => {
  const frame = encodeFrame(Buffer.alloc(100, "port"));
  const header = parseFrameHeader(frame);
  if (typeof header === "string") throw new Error(header);
  frame[frame.length - 8] = 1;
  expect(decodeFrame(frame, header, new Uint8Array(100))).toBe("the LZ4 frame has no end mark after its block");
});
