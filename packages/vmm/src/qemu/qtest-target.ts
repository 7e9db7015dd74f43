import type { PortOperation, PortTarget } from "@portrait/replayer";
import { scriptLine } from "@portrait/replayer";
import { within } from "../limit.ts";
import { isTimeout, QemuError } from "./errors.ts";
import { LineSocket } from "./line-socket.ts";

/** Commands under way before answers are waited for: enough to hide the round trip, little enough for any socket buffer. */
const AHEAD = 512;
const ANSWER_LIMIT_MS = 10_000;

interface Waiting {
  readonly line: string;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The ports of a QEMU through its qtest socket (`-qtest unix:PATH,server=on,wait=off`), which works beside any accelerator
 * and while the guest is paused. Commands are sent ahead and answers read afterwards, in order.
 */
export class QtestTarget implements PortTarget {
  readonly name: string;
  readonly #socket: LineSocket;
  readonly #waiting: Waiting[];

  private constructor(path: string, socket: LineSocket, waiting: Waiting[]) {
    this.name = `qtest:${path}`;
    this.#socket = socket;
    this.#waiting = waiting;
  }

  /** Connects, and makes sure that it is a qtest socket. @throws QemuError */
  static async connect(path: string): Promise<QtestTarget> {
    const waiting: Waiting[] = [];
    const socket = await LineSocket.connect(path, {
      line: (text) => {
        // Interrupts a qtest client asked to watch are told between answers.
        if (!text.startsWith("IRQ ")) waiting.shift()?.resolve(text);
      },
      end: (reason) => {
        for (const one of waiting.splice(0)) one.reject(reason);
      },
    });
    const target = new QtestTarget(path, socket, waiting);
    try {
      await target.#ask(["endianness"]);
    } catch (cause) {
      socket.close();
      if (cause instanceof QemuError && cause.code === "CLOSED") throw cause;
      const remedy = `start QEMU with -qtest unix:${path},server=on,wait=off`;
      if (isTimeout(cause)) {
        const silent = `${path}: no answer in ${ANSWER_LIMIT_MS / 1000} s; it is not a qtest socket, or QEMU serves another client on it; ${remedy}`;
        throw new QemuError("TIMEOUT", silent, { cause });
      }
      throw new QemuError("PROTOCOL", `${path} is not a qtest socket; ${remedy}`, { cause });
    }
    return target;
  }

  async perform(operations: readonly PortOperation[]): Promise<readonly number[]> {
    const values: number[] = [];
    for (let from = 0; from < operations.length; from += AHEAD) {
      const piece = operations.slice(from, from + AHEAD);
      const answers = await this.#ask(piece.map(scriptLine));
      answers.forEach((answer, i) => values.push(piece[i]?.direction === "in" ? valueOf(answer) : 0));
    }
    return values;
  }

  /** Ends the connection; the guest is not touched. */
  close(): void {
    this.#socket.close();
  }

  async #ask(lines: readonly string[]): Promise<string[]> {
    const answers = lines.map(
      (line) => new Promise<string>((resolve, reject) => this.#waiting.push({ line, resolve, reject })),
    );
    this.#socket.send(lines.map((line) => `${line}\n`).join(""));
    const late = () => {
      const message = `${this.name}: no answer to "${this.#waiting[0]?.line}" in ${ANSWER_LIMIT_MS / 1000} s`;
      return new QemuError("TIMEOUT", message);
    };
    const texts = await within(Promise.all(answers), ANSWER_LIMIT_MS, late);
    texts.forEach((text, i) => {
      if (!text.startsWith("OK"))
        throw new QemuError("COMMAND", `${this.name}: "${lines[i]}" was answered with "${text}"`);
    });
    return texts;
  }
}

function valueOf(answer: string): number {
  return Number(answer.slice("OK ".length)) >>> 0;
}
