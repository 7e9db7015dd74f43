import { open, stat, type FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";
import type { ByteSink } from "@portrait/tracer";
import { UsageError } from "../errors.ts";
import type { Session } from "../session.ts";
import { Output } from "./output.ts";

/** A file being written, or stdout. */
export interface OpenSink {
  /** For messages. */
  readonly name: string;
  readonly sink: ByteSink;
  close(): Promise<void>;
}

/**
 * Opens `path`, or stdout for `-`, to be written from the start.
 * @throws UsageError where it is the file `input`, which is still to be read, or stdout is a terminal.
 */
export async function openSink(session: Session, path: string, input: string): Promise<OpenSink> {
  if (path === "-") return stdoutSink(session);
  if (input !== "-" && (await isSameFile(path, input))) {
    throw new UsageError(`-o ${path}: this is the file that is read; give another name`);
  }
  const file = await open(path, "w");
  return { name: path, sink: { write: (bytes) => writeAll(file, bytes) }, close: () => file.close() };
}

/** A text file being written, or stdout. */
export interface OpenText {
  /** For messages. */
  readonly name: string;
  readonly out: Output;
  close(): Promise<void>;
}

/**
 * Opens `path`, or stdout for `-`, for text. What waits in `out` is to be drained before it is closed.
 * @throws UsageError where it is the file `input`, which is still to be read.
 */
export async function openText(session: Session, path: string, input: string): Promise<OpenText> {
  if (path === "-") return { name: "stdout", out: session.out, close: () => Promise.resolve() };
  const file = await openSink(session, path, input);
  const write = (bytes: Uint8Array, _: BufferEncoding, done: (error?: Error | null) => void) =>
    void file.sink.write(bytes).then(() => done(), done);
  return { name: file.name, out: new Output(new Writable({ write })), close: () => file.close() };
}

function stdoutSink({ stdout }: Session): OpenSink {
  if ("isTTY" in stdout && stdout.isTTY === true) {
    throw new UsageError("-o -: a trace is not for a terminal; send stdout to a file or a pipe");
  }
  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  return { name: "stdout", sink: { write }, close: () => Promise.resolve() };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino && one.isFile();
}
