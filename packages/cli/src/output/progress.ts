import type { OpenSource } from "../input/open-trace.ts";
import type { Session } from "../session.ts";
import { count } from "./numbers.ts";

const INTERVAL_MS = 100;
const DELAY_MS = 500;
const BAR = 30;

/** How far a trace has been read, as one line on stderr; only on a terminal, and only once it takes a while. */
export class Progress {
  readonly #session: Session;
  readonly #source: OpenSource;
  #next: number;
  #shown = false;

  constructor(session: Session, source: OpenSource) {
    this.#session = session;
    this.#source = source;
    this.#next = session.drawProgress === undefined ? Infinity : performance.now() + DELAY_MS;
  }

  /** Draws the line if it is time to. */
  show(): void {
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + INTERVAL_MS;
    this.#shown = true;
    const done = this.#source.progress();
    const filled = Math.round(BAR * (done ?? 0));
    const bar = done === undefined ? "" : `[${"█".repeat(filled).padEnd(BAR, "·")}] ${count(Math.round(100 * done))} %`;
    this.#session.drawProgress?.(`${this.#source.name} ${bar}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#session.drawProgress?.("");
    this.#shown = false;
  }
}
