import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { messageOf } from "@portrait/tracer";
import { QemuError } from "./errors.ts";

const CONNECT_LIMIT_MS = 5_000;

/** What a {@link LineSocket} reads. `end` is called once, whichever side ended the connection. */
export interface LineListener {
  readonly line: (text: string) => void;
  readonly end: (reason: QemuError) => void;
}

/** A Unix socket that speaks in lines. What is read is handed on line by line; when it ends, with a reason. */
export class LineSocket {
  readonly path: string;
  readonly #socket: Socket;
  readonly #listener: LineListener;
  #ended: QemuError | undefined;

  private constructor(path: string, socket: Socket, listener: LineListener) {
    this.path = path;
    this.#socket = socket;
    this.#listener = listener;
  }

  /** @throws QemuError CONNECT where nobody listens within 5 s. */
  static async connect(path: string, on: LineListener): Promise<LineSocket> {
    const socket = createConnection({ path });
    socket.setTimeout(CONNECT_LIMIT_MS, () => socket.destroy(new Error(`no answer in ${CONNECT_LIMIT_MS / 1000} s`)));
    try {
      await once(socket, "connect");
    } catch (cause) {
      throw new QemuError("CONNECT", `${path}: ${messageOf(cause)}; is QEMU running, and is this its socket?`, {
        cause,
      });
    }
    socket.setTimeout(0);
    const self = new LineSocket(path, socket, on);
    const end = (cause?: Error) => self.#end(new QemuError("CLOSED", `${path}: QEMU closed the connection`, { cause }));
    socket.on("error", end).on("close", () => {
      end();
    });
    createInterface({ input: socket, crlfDelay: Infinity }).on("line", on.line).on("error", end);
    return self;
  }

  /** Sends text; throws where the connection has ended. */
  send(text: string): void {
    if (this.#ended !== undefined) throw this.#ended;
    this.#socket.write(text);
  }

  /** Ends the connection. */
  close(): void {
    this.#end(new QemuError("CLOSED", `${this.path}: closed`));
    this.#socket.destroy();
  }

  #end(reason: QemuError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#listener.end(reason);
  }
}
