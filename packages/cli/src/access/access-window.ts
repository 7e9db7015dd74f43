import type { Output } from "../output/output.ts";
import type { AccessPrinter, Remark } from "./access-printer.ts";
import type { AccessTaker } from "./selection.ts";
import type { ShownAccess } from "./shown-access.ts";

/** The first or last so many accesses, and the remarks between them, on their way to the output. */
export class AccessWindow implements AccessTaker {
  readonly #out: Output;
  readonly #printer: AccessPrinter;
  readonly #head: number;
  readonly #tail: number | undefined;
  /** With `tail`: what may yet be printed, oldest first from {@link #oldest} on, and how much of it is accesses. */
  #kept: { readonly text: string; readonly isAccess: boolean }[] = [];
  #oldest = 0;
  #keptAccesses = 0;
  #shown = 0;
  #begun = false;

  constructor(out: Output, printer: AccessPrinter, options: { readonly head?: number; readonly tail?: number }) {
    this.#out = out;
    this.#printer = printer;
    this.#head = options.head ?? Infinity;
    this.#tail = options.tail;
    out.write(printer.head);
  }

  /** True once nothing more will be printed. */
  get full(): boolean {
    return this.#shown >= this.#head;
  }

  /** Takes an access; `shown` is asked only where it is needed. True when {@link drain} should be awaited. */
  access(shown: () => ShownAccess): boolean {
    this.#shown++;
    return this.#take(this.#printer.access(shown()), true);
  }

  /** Takes a marker or gap. */
  remark(remark: Remark): void {
    this.#take(this.#printer.remark(remark), false);
  }

  /** Hands on what waits. */
  drain(): Promise<void> {
    return this.#out.drain();
  }

  /** Prints what is left. */
  async end(): Promise<void> {
    for (const { text } of this.#kept.slice(this.#oldest)) if (this.#print(text)) await this.drain();
    this.#out.write(this.#printer.tail);
    await this.drain();
  }

  #take(text: string, isAccess: boolean): boolean {
    if (this.#tail === undefined) return this.#print(text);
    this.#kept.push({ text, isAccess });
    if (isAccess) this.#keptAccesses++;
    while (this.#keptAccesses > this.#tail || this.#kept.length - this.#oldest > 2 * this.#tail + 1) {
      if (this.#kept[this.#oldest++]?.isAccess === true) this.#keptAccesses--;
    }
    if (this.#oldest > this.#kept.length / 2) {
      this.#kept = this.#kept.slice(this.#oldest);
      this.#oldest = 0;
    }
    return false;
  }

  #print(text: string): boolean {
    const between = this.#begun ? this.#printer.between : "";
    this.#begun = true;
    return this.#out.write(between + text);
  }
}
