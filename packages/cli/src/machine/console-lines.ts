import { stripVTControlCharacters } from "node:util";
import type { Machine } from "@portrait/vmm";
import type { Output } from "../output/output.ts";

/**
 * Shows what a guest prints, as it comes, without carriage returns and terminal control. With a label, line by line, each
 * with the label before it.
 */
export class ConsoleLines {
  readonly #out: Output;
  readonly #label: string | undefined;
  #rest = "";

  constructor(out: Output, machine: Machine, label?: string) {
    this.#out = out;
    this.#label = label;
    machine.onConsole((text) => {
      this.#take(text);
    });
  }

  #take(text: string): void {
    this.#rest += text;
    const cut = this.#rest.lastIndexOf("\n") + 1;
    if (cut === 0) return;
    const lines = stripVTControlCharacters(this.#rest.slice(0, cut)).replaceAll("\r", "");
    this.#rest = this.#rest.slice(cut);
    const shown = this.#label === undefined ? lines : lines.replaceAll(/^(?=.)/gm, this.#label);
    this.#out.write(shown);
    // What cannot be written shows when the command ends and drains.
    this.#out.drain().catch(() => undefined);
  }

  /** Shows an unfinished last line too. */
  async end(): Promise<void> {
    if (this.#rest.trim() !== "") this.#take("\n");
    await this.#out.drain();
  }
}
