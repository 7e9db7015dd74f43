import { createRequire } from "node:module";

/** Compresses and decompresses single LZ4 blocks. Neither direction is safe without a checksum around it. */
export interface BlockCodec {
  /** Which implementation this is, for people and tests. */
  readonly name: "native" | "javascript";
  /** Bytes written to `output`, or 0 where `input` does not shrink. `output` holds at least {@link blockBound}. */
  encode(input: Uint8Array, output: Uint8Array): number;
  /** True when `input` decodes to exactly `output.length` bytes, which then stand in `output`. */
  decode(input: Uint8Array, output: Uint8Array): boolean;
}

/** Bytes a block of `length` bytes takes at the most. */
export function blockBound(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

const require = createRequire(import.meta.url);
const HASH_SLOTS = 65_536;

function nativeCodec(): BlockCodec | undefined {
  try {
    const lz4 = require("lz4") as {
      encodeBlock(input: Uint8Array, output: Uint8Array): number;
      decodeBlock(input: Uint8Array, output: Uint8Array): number;
    };
    return {
      name: "native",
      encode: (input, output) => lz4.encodeBlock(input, output),
      decode: (input, output) => lz4.decodeBlock(input, output) === output.length,
    };
  } catch {
    // Not built for this machine and Node: the JavaScript half of the same package does.
    return undefined;
  }
}

function javascriptCodec(): BlockCodec {
  const binding = require("lz4/lib/binding.js") as {
    compressDependent(
      input: Uint8Array,
      output: Uint8Array,
      position: number,
      hashTable: Int32Array,
      start: number,
      end: number,
    ): number;
    uncompress(input: Uint8Array, output: Uint8Array): number;
  };
  const hashTable = new Int32Array(HASH_SLOTS);
  return {
    name: "javascript",
    encode: (input, output) => {
      hashTable.fill(0);
      return binding.compressDependent(input, output, 0, hashTable, 0, output.length);
    },
    // The package's decoder checks neither end of its buffers, so the lengths are proved first.
    decode: (input, output) =>
      decodedLength(input, output.length) === output.length && binding.uncompress(input, output) === output.length,
  };
}

/** Length a block decodes to, or -1 where it is malformed or longer than `limit`. */
function decodedLength(block: Uint8Array, limit: number): number {
  let length = 0;
  for (let i = 0; i < block.length;) {
    const token = block[i++] ?? 0;
    let literals = token >>> 4;
    if (literals === 15) for (let more = 255; more === 255 && i < block.length;) literals += more = block[i++] ?? 0;
    i += literals;
    length += literals;
    if (i === block.length) return length <= limit ? length : -1;
    if (i + 2 > block.length) return -1;
    const distance = (block[i] ?? 0) | ((block[i + 1] ?? 0) << 8);
    i += 2;
    if (distance === 0 || distance > length) return -1;
    let match = (token & 15) + 4;
    if (match === 19) for (let more = 255; more === 255 && i < block.length;) match += more = block[i++] ?? 0;
    length += match;
    if (length > limit) return -1;
  }
  return -1;
}

/** The package's JavaScript half. */
export const javascriptBlocks: BlockCodec = javascriptCodec();

/** The fastest implementation this machine has. */
export const blocks: BlockCodec = nativeCodec() ?? javascriptBlocks;
