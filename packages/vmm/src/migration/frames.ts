import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { within } from "../limit.ts";
import { MigrationError } from "./errors.ts";

/** Frame types of an image and of the handshake around it; docs/migration.md has their payloads. */
export const FRAME = {
  hello: 1,
  memory: 2,
  cpu: 3,
  plan: 4,
  dump: 5,
  end: 6,
  stream: 7,
  ready: 16,
  refused: 17,
  result: 18,
  commit: 19,
  abort: 20,
  running: 21,
} as const;

/** Bytes a payload may have. */
const PAYLOAD_LIMIT = 16 << 20;
const HEAD = 5;

/** One frame as it came. */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Writes frames to a stream, and hashes what it wrote. */
export class FrameWriter {
  readonly #stream: Writable;
  readonly #hash: Hash = createHash("sha256");
  /** Bytes written. */
  bytes = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Resolves when the stream takes more. */
  async write(type: number, ...parts: readonly Uint8Array[]): Promise<void> {
    const head = Buffer.alloc(HEAD);
    head.writeUInt8(type, 0);
    head.writeUInt32LE(
      parts.reduce((sum, part) => sum + part.length, 0),
      1,
    );
    for (const part of [head, ...parts]) await this.#put(part);
  }

  async writeJson(type: number, value: unknown): Promise<void> {
    await this.write(type, Buffer.from(JSON.stringify(value)));
  }

  /** Ends an image: the hash of everything written so far. */
  async writeEnd(): Promise<void> {
    await this.write(FRAME.end, this.#hash.copy().digest());
  }

  async #put(part: Uint8Array): Promise<void> {
    if (this.#stream.destroyed || this.#stream.errored) {
      throw new MigrationError("PEER", "the other side went away", { cause: this.#stream.errored ?? undefined });
    }
    this.#hash.update(part);
    this.bytes += part.length;
    if (this.#stream.write(part)) return;
    const listening = new AbortController();
    const { signal } = listening;
    const closed = once(this.#stream, "close", { signal }).then(() => {
      throw new MigrationError("PEER", "the other side went away");
    });
    const drained = once(this.#stream, "drain", { signal });
    try {
      await Promise.race([drained, closed]);
    } catch (cause) {
      throw cause instanceof MigrationError ? cause : new MigrationError("PEER", "the other side went away", { cause });
    } finally {
      listening.abort();
    }
  }
}

/** Reads frames from a stream, each within a time limit, and hashes what it read. */
export class FrameReader {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #hash: Hash = createHash("sha256");
  #held: Buffer[] = [];
  #size = 0;

  constructor(stream: Readable) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /**
   * The next frame. `what` says in messages what is waited for; `limitMs` how long.
   * @throws MigrationError TIMEOUT, PEER when the stream ends, FORMAT when the length is out of bounds.
   */
  async read(what: string, limitMs: number): Promise<Frame> {
    const before = this.#hash.copy();
    const head = await this.#take(HEAD, what, limitMs);
    const type = head.readUInt8(0);
    const length = head.readUInt32LE(1);
    if (length > PAYLOAD_LIMIT) {
      throw new MigrationError("FORMAT", `a frame of ${length} bytes where ${what} was expected: this is not an image`);
    }
    const payload = await this.#take(length, what, limitMs);
    if (type === FRAME.end && !before.digest().equals(payload)) {
      throw new MigrationError("FORMAT", "the image's hash does not match its bytes: it is damaged");
    }
    this.#hash.update(head).update(payload);
    return { type, payload };
  }

  /** The next frame if it is of this type. @throws MigrationError FORMAT where it is another. */
  async expect(type: number, what: string, limitMs: number): Promise<Uint8Array> {
    const frame = await this.read(what, limitMs);
    if (frame.type !== type)
      throw new MigrationError("FORMAT", `a frame of type ${frame.type} where ${what} was expected`);
    return frame.payload;
  }

  async #take(length: number, what: string, limitMs: number): Promise<Buffer> {
    while (this.#size < length) {
      const next = await withLimit(this.#iterator.next(), what, limitMs);
      if (next.done === true) {
        throw new MigrationError("PEER", `the stream ended where ${what} was expected`);
      }
      const chunk: unknown = next.value;
      if (!(chunk instanceof Uint8Array)) throw new MigrationError("FORMAT", "the stream gives text, not bytes");
      this.#held.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      this.#size += chunk.length;
    }
    const all = this.#held.length === 1 ? this.#held[0] : Buffer.concat(this.#held);
    const whole = all ?? Buffer.alloc(0);
    this.#held = whole.length > length ? [whole.subarray(length)] : [];
    this.#size = whole.length - length;
    return whole.subarray(0, length);
  }
}

async function withLimit<T>(promise: Promise<T>, what: string, limitMs: number): Promise<T> {
  const late = () => new MigrationError("TIMEOUT", `waited ${limitMs / 1000} s for ${what}`);
  try {
    return await within(promise, limitMs, late);
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    throw new MigrationError("PEER", `the stream broke where ${what} was expected: ${String(error)}`, { cause: error });
  }
}
