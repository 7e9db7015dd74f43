import { ReaderGone } from "../errors.ts";

const PIECE = 65_536;

/** Text on its way to stdout or a file, handed on in large pieces. */
export class Output {
  readonly #stream: NodeJS.WritableStream;
  #pending = "";
  #error: Error | undefined;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    stream.on("error", (error: Error) => (this.#error ??= error));
  }

  /** Adds text. True when so much waits that {@link drain} should be awaited. */
  write(text: string): boolean {
    this.#pending += text;
    return this.#pending.length >= PIECE;
  }

  /** Adds a line. */
  line(text = ""): boolean {
    return this.write(`${text}\n`);
  }

  /**
   * Hands on what waits.
   * @throws ReaderGone when nobody reads it any more.
   */
  async drain(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    if (text !== "") await this.#hand(text);
    this.#check();
  }

  #hand(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.write(text, (error) => {
        if (error) this.#error ??= error;
        resolve();
      });
    });
  }

  #check(): void {
    if (this.#error === undefined) return;
    const code = "code" in this.#error ? this.#error.code : undefined;
    if (code === "EPIPE" || code === "ERR_STREAM_DESTROYED") throw new ReaderGone("nobody reads the output");
    throw this.#error;
  }
}
