import { StringDecoder } from "node:string_decoder";

/** Collects what a guest writes to a serial port, as UTF-8 text. */
export class SerialConsole {
  text = "";
  readonly #decoder = new StringDecoder("utf8");
  readonly #listeners: ((text: string) => void)[] = [];

  onText(listener: (text: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes the next byte that was transmitted. */
  receive(byte: number): void {
    const text = this.#decoder.write(Buffer.of(byte));
    if (text === "") return;
    this.text += text;
    for (const listener of this.#listeners) listener(text);
  }
}
