import type { FileHandle } from "node:fs/promises";

/** Where a trace is read from. */
export interface ByteSource {
  /** Bytes there are now; undefined for a stream, which can only be read once and forwards. */
  size(): Promise<number | undefined>;
  /** `length` bytes from `offset`, fewer only at the end. The caller owns them. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A trace in memory. */
export function bufferSource(bytes: Uint8Array): ByteSource {
  return {
    size: () => Promise.resolve(bytes.length),
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/** A trace in an open file, which may still grow. The caller closes it. */
export function fileSource(file: FileHandle): ByteSource {
  return {
    size: async () => (await file.stat()).size,
    read: async (offset, length) => {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
  };
}
