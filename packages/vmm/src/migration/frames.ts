import type { Readable, Writable } from "node:stream";
import { crc32 } from "node:zlib";
import { Outflow } from "../outflow.ts";
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

/** How long nothing may be taken. The other side's own waits are shorter, so that it can say what it waited for. */
const TAKEN_LIMIT_MS = 45_000;
/** Bytes a payload may have. */
const PAYLOAD_LIMIT = 16 << 20;
const HEAD = 5;

/** One frame as it came. */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Writes frames to a stream, and keeps the checksum of what it wrote. */
export class FrameWriter {
  readonly #outflow: Outflow;
  #sum = 0;
  /** Bytes written. */
  bytes = 0;

  constructor(stream: Writable, limitMs = TAKEN_LIMIT_MS) {
    const waited = `waited ${limitMs / 1000} s for the next part of the image to be taken`;
    this.#outflow = new Outflow(stream, { ms: limitMs, late: () => new MigrationError("TIMEOUT", waited) });
  }

  /**
   * Resolves when the stream takes more. Frames stay whole where several are written at a time.
   * @throws MigrationError TIMEOUT where it takes nothing, PEER where it is broken
   */
  async write(type: number, ...parts: readonly Uint8Array[]): Promise<void> {
    const head = Buffer.alloc(HEAD);
    head.writeUInt8(type, 0);
    head.writeUInt32LE(
      parts.reduce((sum, part) => sum + part.length, 0),
      1,
    );
    await Promise.all([head, ...parts].map((part) => this.#put(part)));
  }

  async writeJson(type: number, value: unknown): Promise<void> {
    await this.write(type, Buffer.from(JSON.stringify(value)));
  }

  /** Ends an image: the checksum of everything written so far. */
  async writeEnd(): Promise<void> {
    await this.write(FRAME.end, sumBytes(this.#sum));
  }

  async #put(part: Uint8Array): Promise<void> {
    this.#sum = added(part, this.#sum);
    this.bytes += part.length;
    try {
      await this.#outflow.put(part);
    } catch (cause) {
      if (cause instanceof MigrationError) throw cause;
      throw new MigrationError("PEER", "the other side went away", { cause });
    }
  }
}

/** Reads frames from a stream, each within a time limit, and keeps the checksum of what it read. */
export class FrameReader {
  readonly #iterator: AsyncIterator<unknown>;
  #sum = 0;
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
    const before = this.#sum;
    const head = await this.#take(HEAD, what, limitMs);
    const type = head.readUInt8(0);
    const length = head.readUInt32LE(1);
    if (length > PAYLOAD_LIMIT) {
      throw new MigrationError("FORMAT", `a frame of ${length} bytes where ${what} was expected: this is not an image`);
    }
    const payload = await this.#take(length, what, limitMs);
    if (type === FRAME.end && !sumBytes(before).equals(payload)) {
      throw new MigrationError("FORMAT", "the image's checksum does not match its bytes: it is damaged");
    }
    this.#sum = added(payload, added(head, before));
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

/** The CRC-32 of more bytes. zlib takes bytes that have no address, as none may, for a new beginning. */
function added(bytes: Uint8Array, sum: number): number {
  return bytes.length === 0 ? sum : crc32(bytes, sum);
}

function sumBytes(sum: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(sum);
  return bytes;
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
