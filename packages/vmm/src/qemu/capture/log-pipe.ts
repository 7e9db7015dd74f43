import { execFile } from "node:child_process";
import { constants, open as openFile } from "node:fs";
import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const FOLDER = "portrait-qemu-";
const NAME = "log";

/** True for the path of a capture's pipe, this process's or another's. */
export function isLogPipe(path: string): boolean {
  return new RegExp(`/${FOLDER}[^/]+/${NAME}$`).test(path);
}

/** True while somebody reads the pipe of this path. */
export async function isRead(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_WRONLY | constants.O_NONBLOCK)).close();
    return true;
  } catch {
    return false;
  }
}

/** Takes what was read. Nothing more is read before the promise it may give is fulfilled. */
export type PipeReader = (bytes: Uint8Array) => Promise<void> | undefined;

/** A named pipe in a folder that only this user can enter. QEMU logs into it, and waits while it is full. */
export class LogPipe {
  readonly path: string;
  /** Fulfilled when everything has been read and nobody writes any more. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  #writeEnd: FileHandle | undefined;

  private constructor(path: string, fd: number, writeEnd: FileHandle, reader: PipeReader) {
    this.path = path;
    this.#writeEnd = writeEnd;
    const socket = new Socket({ fd, readable: true, writable: false });
    this.#socket = socket;
    this.ended = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      const busy = reader(bytes);
      if (busy === undefined) return;
      socket.pause();
      void busy.finally(() => socket.resume());
    });
  }

  /** Makes the pipe and begins to read it. */
  static async create(reader: PipeReader): Promise<LogPipe> {
    const folder = await mkdtemp(join(tmpdir(), FOLDER));
    const path = join(folder, NAME);
    try {
      await promisify(execFile)("mkfifo", ["-m", "600", path]);
      const fd = await promisify(openFile)(path, constants.O_RDONLY | constants.O_NONBLOCK);
      // Without a writer of our own, the pipe would have ended before QEMU opens it.
      const writeEnd = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new LogPipe(path, fd, writeEnd, reader);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Lets the pipe end when QEMU closes it; called once QEMU has opened it. */
  async release(): Promise<void> {
    const writeEnd = this.#writeEnd;
    this.#writeEnd = undefined;
    await writeEnd?.close();
  }

  /** Reads no more and takes the pipe away. A QEMU that still writes to it gets an error, which it passes over. */
  async remove(): Promise<void> {
    await this.release();
    this.#socket.destroy();
    await rm(dirname(this.path), { recursive: true, force: true });
  }
}
