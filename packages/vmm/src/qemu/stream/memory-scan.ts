import { FOOTER_BYTES, PAGE_BYTES, PAGE_FLAG as FLAG, PART, STREAM_MAGIC, STREAM_VERSION } from "./layout.ts";
import { StreamError } from "./errors.ts";

/**
 * What a scan wants next: so many bytes to look at; or so many to pass over; or to go over what has come by itself, of which `skip` gives how many bytes
 * from `at` on it has done with. `ending`: what the bytes to look at will be at the least that ends the stream's open part, where nothing else of it is left.
 */
export type Wish =
  | { readonly look: number; readonly ending?: Buffer }
  | { readonly pass: number }
  | { readonly skip: (bytes: Buffer, at: number) => number };

/** A scan in progress. It is given the bytes it wished to look at; what is passed over it never sees. */
export type Scan<T> = Generator<Wish, T, Buffer>;

const RAM_VERSION = 4;
const NAME_LIMIT = 255;
const MEMORY_LIMIT = 1n << 40n;
/** Bytes of a page's address and flags. */
const WORD_BYTES = 8;

const NOTHING = Buffer.alloc(0);

/** Where a scan is. */
export interface Position {
  /** Number of bytes seen so far; kept by whoever drives the scan. */
  offset: number;
  /** Offset at which memory begins; undefined before it is known. */
  memory?: number;
}

/** Goes over everything up to the first device section, whose first byte is the last one looked at. */
export function* scanMemory(at: Position): Scan<void> {
  let type = yield* scanHead(at);
  at.memory = at.offset - 1;
  const memory = new MemorySection(at);
  for (;;) {
    if (type === PART.sectionFull) return memory.expectComplete();
    else if (type === PART.sectionStart) yield* memory.start();
    else if (type === PART.sectionPart || type === PART.sectionEnd) yield* memory.records(type === PART.sectionEnd);
    else if (type === PART.command) {
      const reason = "a command to the destination; switch the capabilities return-path and postcopy-ram off";
      throw new StreamError("VERSION", at.offset - 1, reason);
    } else if (type === PART.end) {
      throw new StreamError("FORMAT", at.offset - 1, "the stream has no device sections");
    } else {
      throw new StreamError("FORMAT", at.offset - 1, `a part of unknown type ${type}`);
    }
    [type] = yield { look: 1, ending: NOTHING };
  }
}

/** What comes before the first section, of which it gives the type. */
function* scanHead(at: Position): Scan<number | undefined> {
  const head = yield { look: 8 };
  if (head.readUInt32BE(0) !== STREAM_MAGIC) throw new StreamError("FORMAT", 0, "this is not a QEMU migration stream");
  const version = head.readUInt32BE(4);
  if (version !== STREAM_VERSION) {
    throw new StreamError("VERSION", 4, `version ${version}; only version ${STREAM_VERSION} is known`);
  }
  for (;;) {
    const [type] = yield { look: 1 };
    if (type !== PART.configuration) return type;
    yield* scanConfiguration(at);
  }
}

/** The machine type's name. Capabilities would follow as subsections, which fail as parts of unknown type. */
function* scanConfiguration(at: Position): Scan<void> {
  const length = (yield { look: 4 }).readUInt32BE(0);
  if (length > NAME_LIMIT) throw new StreamError("FORMAT", at.offset - 4, `a machine name of ${length} bytes`);
  yield { pass: length };
}

/** The section `ram`, which comes in parts: which blocks it has, and whether its parts stay inside them. */
class MemorySection {
  readonly #at: Position;
  readonly #blocks = new Map<string, number>();
  #number: number | undefined;
  #complete = false;
  /** Length of the block the last page was in, also in an earlier part. */
  #current: number | undefined;

  constructor(at: Position) {
    this.#at = at;
  }

  expectComplete(): void {
    if (!this.#complete) throw this.#error("FORMAT", "device sections before the end of memory");
  }

  *start(): Scan<void> {
    const number = (yield { look: 4 }).readUInt32BE(0);
    const name = yield* this.#name();
    const version = (yield { look: 8 }).readUInt32BE(4);
    if (name !== "ram") {
      throw this.#error(
        "VERSION",
        `section "${name}" comes in parts; only "ram" is known to (no block or dirty-bitmap migration)`,
      );
    }
    if (version !== RAM_VERSION)
      throw this.#error("VERSION", `section "ram" has version ${version}, not ${RAM_VERSION}`);
    if (this.#number !== undefined) throw this.#error("FORMAT", `section "ram" starts twice`);
    this.#number = number;
    yield* this.#blockList();
    yield* this.#expectEndOfSection();
    yield* this.#footer(number);
  }

  *records(last: boolean): Scan<void> {
    const number = (yield { look: 4 }).readUInt32BE(0);
    if (number !== this.#number || this.#complete)
      throw this.#error("FORMAT", `a part of section ${number}, which is not open`);
    for (let more = true; more; more = yield* this.#record()) yield { skip: this.#skipPages };
    this.#complete = last;
    yield* this.#footer(number);
  }

  *#blockList(): Scan<void> {
    const total = (yield { look: 8 }).readBigUInt64BE(0);
    if ((total & 0xfffn) !== BigInt(FLAG.memorySize))
      throw this.#error("FORMAT", `the list of memory blocks is missing`);
    let left = total & ~0xfffn;
    if (left > MEMORY_LIMIT) throw this.#error("FORMAT", `${left} bytes of memory`);
    while (left > 0n) {
      const name = yield* this.#name();
      const length = (yield { look: 8 }).readBigUInt64BE(0);
      if (length === 0n || length > left)
        throw this.#error("FORMAT", `block "${name}" of ${length} bytes does not fit`);
      this.#blocks.set(name, Number(length));
      left -= length;
    }
  }

  /**
   * Goes over pages of the block of the last one that are whole in the bytes, and gives how many bytes they have: nearly all that a stream consists of. It
   * stops at whatever is anything else.
   */
  readonly #skipPages = (bytes: Buffer, from: number): number => {
    const length = this.#current ?? 0;
    let at = from;
    while (at + WORD_BYTES <= bytes.length) {
      const low = bytes.readUInt32BE(at + 4);
      const address = bytes.readUInt32BE(at) * 2 ** 32 + (low - (low % PAGE_BYTES));
      const flags = low % PAGE_BYTES;
      if (address >= length) break;
      if (flags === (FLAG.page | FLAG.continued)) {
        if (at + WORD_BYTES + PAGE_BYTES > bytes.length) break;
        at += WORD_BYTES + PAGE_BYTES;
      } else if (flags === (FLAG.zero | FLAG.continued) && at + WORD_BYTES < bytes.length) at += WORD_BYTES + 1;
      else break;
    }
    return at - from;
  };

  /** One page; false at the end of the part. */
  *#record(): Scan<boolean> {
    const word = (yield { look: 8 }).readBigUInt64BE(0);
    const flags = Number(word & 0xfffn);
    const address = word & ~0xfffn;
    if (word === BigInt(FLAG.endOfSection)) return false;
    const kind = flags & ~FLAG.continued;
    if (kind !== FLAG.zero && kind !== FLAG.page) {
      throw this.#error(
        "VERSION",
        `a page with unknown flags ${flags.toString(16)}h; switch compression, xbzrle and multifd off`,
      );
    }
    if (flags === kind) {
      const name = yield* this.#name();
      this.#current = this.#blocks.get(name);
      if (this.#current === undefined) throw this.#error("FORMAT", `a page of unknown block "${name}"`);
    }
    if (this.#current === undefined) throw this.#error("FORMAT", "a page of no block");
    if (Number(address) >= this.#current) throw this.#error("FORMAT", `a page outside its block`);
    yield { pass: kind === FLAG.zero ? 1 : PAGE_BYTES };
    return true;
  }

  *#expectEndOfSection(): Scan<void> {
    const word = (yield { look: 8 }).readBigUInt64BE(0);
    if (word !== BigInt(FLAG.endOfSection))
      throw this.#error("VERSION", "the list of memory blocks has an unknown form");
  }

  *#footer(number: number): Scan<void> {
    const ending = Buffer.alloc(FOOTER_BYTES);
    ending.writeUInt8(PART.footer, 0);
    ending.writeUInt32BE(number, 1);
    if (!(yield { look: FOOTER_BYTES, ending }).equals(ending)) {
      throw this.#error("FORMAT", 'a part of section "ram" does not end with its footer');
    }
  }

  *#name(): Scan<string> {
    const [length = 0] = yield { look: 1 };
    return length === 0 ? "" : (yield { look: length }).toString("latin1");
  }

  #error(code: "FORMAT" | "VERSION", what: string): StreamError {
    return new StreamError(code, this.#at.offset, what);
  }
}
