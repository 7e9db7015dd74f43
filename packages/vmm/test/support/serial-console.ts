import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";

/** The serial port of a QEMU. */
export class SerialConsole {
  text = "";
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => (this.text += bytes.toString("latin1")));
    socket.on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
  }

  /** Connects as soon as QEMU listens, 10 s at the most. */
  static async connect(path: string): Promise<SerialConsole> {
    for (let tries = 0; ; tries++) {
      const socket = createConnection(path);
      try {
        await once(socket, "connect");
        return new SerialConsole(socket);
      } catch (error) {
        if (tries === 400) throw error;
        await sleep(25);
      }
    }
  }

  type(text: string): void {
    this.#socket.write(text);
  }

  /** Waits until `text` was printed, at `from` or later. Throws after `limitMs`. */
  async until(text: string, limitMs: number, from = 0): Promise<void> {
    await this.#until(() => this.text.includes(text, from) || undefined, JSON.stringify(text), limitMs);
  }

  /** Waits until `pattern` matches what was printed at `from` or later, and gives the match. Throws after `limitMs`. */
  untilMatch(pattern: RegExp, limitMs: number, from = 0): Promise<RegExpExecArray> {
    return this.#until(() => pattern.exec(this.text.slice(from)) ?? undefined, String(pattern), limitMs);
  }

  /** The numbers in the whole lines `WORD N` that were printed. */
  numbers(word: string): number[] {
    return numbersIn(this.text, word);
  }

  /** Waits until so many lines `WORD N` were printed. Throws after `limitMs`. */
  async untilNumbers(word: string, lines: number, limitMs = 20_000): Promise<void> {
    await this.#until(() => this.numbers(word).length >= lines || undefined, `${lines} lines "${word} …"`, limitMs);
  }

  async #until<T>(ask: () => T | undefined, what: string, limitMs: number): Promise<T> {
    for (const end = performance.now() + limitMs; ; await sleep(10)) {
      const answer = ask();
      if (answer !== undefined) return answer;
      if (performance.now() > end) throw new Error(`the guest did not print ${what}, but: ${this.text.slice(-2000)}`);
    }
  }
}

/** The numbers in the whole lines `WORD N` of a text. */
export function numbersIn(text: string, word: string): number[] {
  return [...text.matchAll(new RegExp(`${word} (\\d+)\r\n`, "g"))].map(([, number]) => Number(number));
}
