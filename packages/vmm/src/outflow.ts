import { once } from "node:events";
import type { Writable } from "node:stream";
import { within } from "./limit.ts";

/** Bytes that may wait in the stream before whoever writes waits as well. */
const WAITING_LIMIT = 256 << 10;

/** How long may be waited until a stream takes more, and what is thrown then. */
export interface OutflowLimit {
  readonly ms: number;
  readonly late: () => Error;
}

/** Writes to a stream, a little ahead of what has left. */
export class Outflow {
  readonly #stream: Writable;
  readonly #limit: OutflowLimit;
  #left: Promise<void> = Promise.resolve();

  constructor(stream: Writable, limit: OutflowLimit) {
    this.#stream = stream;
    this.#limit = limit;
  }

  /** Resolves when the stream takes more. @throws what the limit has for it where it takes nothing; what broke the stream; undefined where it was closed */
  async put(bytes: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.errored) throw stream.errored;
    this.#left = new Promise((resolve, reject) => {
      stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    this.#left.catch(() => undefined);
    if (stream.writableLength >= WAITING_LIMIT) await this.#inTime(this.#leftOrClosed());
  }

  /** Resolves when everything written so far has left. @throws as {@link put} does */
  flushed(): Promise<void> {
    return this.#inTime(this.#left);
  }

  #inTime(leaving: Promise<void>): Promise<void> {
    return within(leaving, this.#limit.ms, this.#limit.late);
  }

  /** What was written last, not the event `drain`: a stream may hold much more than the limit without it. */
  async #leftOrClosed(): Promise<void> {
    const stream = this.#stream;
    const listening = new AbortController();
    const closed = once(stream, "close", { signal: listening.signal }).then(() => {
      throw stream.errored;
    });
    closed.catch(() => undefined);
    try {
      await Promise.race([this.#left, closed]);
    } finally {
      listening.abort();
    }
  }
}
