import { open, type FileHandle } from "node:fs/promises";
import type { ByteSink } from "@portrait/tracer";

/** A trace file being written. */
export interface TraceFile {
  readonly sink: ByteSink;
  /** Makes sure that everything is on the disk, and closes. */
  seal(): Promise<void>;
}

/**
 * Creates a trace file. It can be read while it is written.
 * @throws the file system's error; `EEXIST` where there is such a file and `overwrite` is false.
 */
export async function createTraceFile(path: string, options: { readonly overwrite: boolean }): Promise<TraceFile> {
  const file = await open(path, options.overwrite ? "w" : "wx");
  return { sink: { write: (bytes) => writeAll(file, bytes) }, seal: () => seal(file) };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written);
    written += bytesWritten;
  }
}

async function seal(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    // A device or a pipe has nothing to be synchronised.
    if (!(error instanceof Error && "code" in error && error.code === "EINVAL")) throw error;
  } finally {
    await file.close();
  }
}
