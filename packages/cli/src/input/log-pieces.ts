import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { codeOf, UsageError } from "../errors.ts";
import type { OpenSource } from "./open-trace.ts";

const PIECE_BYTES = 1 << 20;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** A log from its first byte to its last, unpacked where it is packed with gzip. @throws UsageError where that is damaged */
export async function* logPieces(log: OpenSource): AsyncGenerator<Uint8Array, void, undefined> {
  const head = await log.source.read(0, GZIP_MAGIC.length);
  if (GZIP_MAGIC.some((byte, i) => head[i] !== byte)) {
    yield* piecesOf(log);
    return;
  }
  // What goes wrong is thrown by the loop below.
  const unpacked = pipeline(Readable.from(piecesOf(log)), createGunzip({ chunkSize: PIECE_BYTES }), () => undefined);
  try {
    for await (const piece of unpacked) yield piece as Uint8Array;
  } catch (error) {
    if (codeOf(error)?.startsWith("Z_") !== true || !(error instanceof Error)) throw error;
    throw new UsageError(`${log.name}: the gzip data is damaged: ${error.message}`);
  }
}

async function* piecesOf({ source }: OpenSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; ;) {
    const piece = await source.read(offset, PIECE_BYTES);
    if (piece.length === 0) return;
    yield piece;
    offset += piece.length;
  }
}
