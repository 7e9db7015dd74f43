import { hasDescription } from "./description.ts";
import { StreamError } from "./errors.ts";
import { scanMemory, type Position, type Scan, type Wish } from "./memory-scan.ts";
import { readTail, type StreamTail } from "./tail.ts";

/** Bytes all device sections and their description may have together; a PC has some 200 KiB. */
const TAIL_LIMIT = 16 << 20;

/** The last byte of a stream's description. */
const CLOSING_BRACE = 0x7d;
const NOTHING = Buffer.alloc(0);

/**
 * Reads a migration stream (version 3) chunk by chunk as it comes. Memory is checked and handed on as views of the chunks;
 * only the device sections are kept, because their description comes last.
 */
export class StreamScanner {
  #at: Position = { offset: 0 };
  #scan: Scan<void> | undefined;
  #wish: Wish = { look: 0 };
  /** Whether a stream that was cut came before: the head of this one is not handed on. */
  #follows = false;
  /** Bytes to look at that came with earlier chunks. */
  #held: Buffer = NOTHING;
  readonly #tail: Buffer[] = [];
  #tailBytes = 0;
  #tailOffset = 0;

  constructor() {
    this.#begin();
  }

  /** Takes the next bytes and gives the part of them that belongs before the device sections. @throws StreamError */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const { offset } = this.#at;
    let used = 0;
    while (this.#scan !== undefined && used < bytes.length) used += this.#step(this.#scan, bytes, used);
    const { memory = offset + bytes.length } = this.#at;
    const head = this.#follows ? Math.max(0, memory - offset) : 0;
    if (this.#scan !== undefined) return bytes.subarray(head);
    // The first byte of the first device section was looked at to find it: it belongs to the tail.
    const from = this.#tailBytes === 0 ? used - 1 : 0;
    this.#keep(bytes.subarray(from));
    return bytes.subarray(head, from);
  }

  /**
   * Says that the stream was cut off before its last part, and that another one of the same guest follows. Gives what ends its open part;
   * both together are one stream then, in which memory comes again from its beginning.
   * @throws StreamError TRUNCATED where more is missing than what ends that part
   */
  cut(): Uint8Array {
    const wish = this.#wish;
    if (this.#scan === undefined || !("ending" in wish)) {
      throw new StreamError("TRUNCATED", this.#at.offset, "it was cut off inside a part");
    }
    const ending = wish.ending.subarray(this.#held.length);
    this.#follows = true;
    this.#at = { offset: 0 };
    this.#held = NOTHING;
    this.#begin();
    return ending;
  }

  /** Whether the last byte of the stream has come: of its description, which says how long it is. */
  get complete(): boolean {
    return this.#tail.at(-1)?.at(-1) === CLOSING_BRACE && hasDescription(this.#kept());
  }

  /** Says that the stream has ended, and gives its device sections. @throws StreamError */
  end(): StreamTail {
    if (this.#scan !== undefined) throw new StreamError("TRUNCATED", this.#at.offset, "it ends inside its memory");
    return readTail(this.#kept(), this.#tailOffset);
  }

  #kept(): Buffer {
    const tail = Buffer.concat(this.#tail);
    this.#tail.splice(0, Infinity, tail);
    return tail;
  }

  #begin(): void {
    const scan = scanMemory(this.#at);
    const first = scan.next();
    if (first.done !== true) this.#wish = first.value;
    this.#scan = scan;
  }

  /** Serves the scan's wish from `bytes` at `used`, as far as they go. Gives the bytes used. */
  #step(scan: Scan<void>, bytes: Buffer, used: number): number {
    const wish = this.#wish;
    if ("skip" in wish) {
      const skipped = wish.skip(bytes, used);
      this.#at.offset += skipped;
      this.#next(scan, NOTHING);
      return skipped;
    }
    const wanted = "pass" in wish ? wish.pass : wish.look - this.#held.length;
    const piece = bytes.subarray(used, used + wanted);
    this.#at.offset += piece.length;
    if ("pass" in wish) {
      if (piece.length < wanted) this.#wish = { pass: wanted - piece.length };
      else this.#next(scan, piece);
    } else {
      const whole = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
      this.#held = whole;
      if (piece.length === wanted) {
        this.#held = NOTHING;
        this.#next(scan, whole);
      }
    }
    return piece.length;
  }

  #next(scan: Scan<void>, bytes: Buffer): void {
    const { done, value } = scan.next(bytes);
    if (done === true) {
      this.#scan = undefined;
      this.#tailOffset = this.#at.offset - 1;
    } else this.#wish = value;
  }

  #keep(bytes: Buffer): void {
    this.#tailBytes += bytes.length;
    if (this.#tailBytes > TAIL_LIMIT) {
      throw new StreamError("FORMAT", this.#tailOffset, `more than ${TAIL_LIMIT >> 20} MiB of device sections`);
    }
    this.#tail.push(Buffer.from(bytes));
  }
}
