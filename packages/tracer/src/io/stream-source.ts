import { MAX_CHUNK_BYTES, MAX_INDEX_BYTES } from "../limits.ts";
import type { ByteSource } from "./byte-source.ts";

/** Bytes kept behind the furthest read, so that a damaged frame can be searched for the next one. */
const KEPT_BYTES = MAX_INDEX_BYTES + 2 * MAX_CHUNK_BYTES;

/** A trace that comes through a pipe. It can be read through once; without an index, nothing can be skipped. */
export function streamSource(stream: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = stream[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let start = 0;
  let end = 0;
  let ended = false;

  async function pullTo(offset: number): Promise<void> {
    while (end < offset && !ended) {
      const next = await iterator.next();
      if (next.done === true) {
        ended = true;
      } else if (next.value.length > 0) {
        pieces.push(next.value);
        end += next.value.length;
      }
    }
  }

  function forget(before: number): void {
    while (pieces[0] !== undefined && start + pieces[0].length <= before) start += pieces.shift()?.length ?? 0;
  }

  return {
    size: () => Promise.resolve(undefined),
    read: async (offset, length) => {
      if (offset < start) throw new RangeError(`byte ${offset} of a stream that has gone on to ${start}`);
      await pullTo(offset + length);
      const result = Buffer.allocUnsafe(Math.max(0, Math.min(length, end - offset)));
      let at = start;
      for (const piece of pieces) {
        if (at + piece.length > offset && at < offset + length) {
          const from = Math.max(0, offset - at);
          result.set(piece.subarray(from, Math.min(piece.length, offset + length - at)), Math.max(0, at - offset));
        }
        at += piece.length;
      }
      forget(offset - KEPT_BYTES);
      return result;
    },
  };
}
