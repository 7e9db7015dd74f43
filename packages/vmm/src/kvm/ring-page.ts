import { KvmError } from "./errors.ts";
import type { RingFormat } from "./ring-format.ts";

/** Entries that were overwritten before this page could be read. */
const MISSED = 2 ** 31;
/** Their number stands behind the page's last entry. */
const MISSED_STORED = 2 ** 30;
/** Bits of a page's length that are length. */
const LENGTH_MASK = 2 ** 27 - 1;
/** Bits of an absolute time that an entry holds. */
const STAMP_BITS = 59n;
const WORD = 4;

/** Gets each entry's time in nanoseconds since the origin, and where its data is in the page. */
export type EntryVisitor = (time: number, offset: number, length: number) => void;

/** What is missing before a page: nothing, or a number of entries, `undefined` where the kernel had no room to say how many. */
export type Missed = { readonly kind: "nothing" } | { readonly kind: "entries"; readonly count: number | undefined };

const NOTHING: Missed = { kind: "nothing" };

/** Reads pages of one kernel's ring buffers. */
export class RingPages {
  readonly #format: RingFormat;
  readonly #origin: bigint;
  readonly #stampFactor: number;

  /** `origin`: the trace clock's nanoseconds at time 0. */
  constructor(format: RingFormat, origin: bigint) {
    this.#format = format;
    this.#origin = origin;
    this.#stampFactor = 2 ** (32 - format.typeBits);
  }

  /** Bytes of a page. */
  get pageSize(): number {
    return this.#format.data.offset + this.#format.data.size;
  }

  /** Calls `visit` for each entry, in order, and gives what is missing before them. @throws KvmError `PAGE` */
  read(page: Buffer, visit: EntryVisitor): Missed {
    const { timestamp, commit, data } = this.#format;
    if (page.length < data.offset) throw damaged(`it has ${page.length} bytes`);
    const flags = page.readUInt32LE(commit.offset);
    const end = data.offset + (flags & LENGTH_MASK);
    if (end > page.length) throw damaged(`its entries take ${end - data.offset} bytes of ${page.length}`);
    this.#entries(page, end, page.readBigUInt64LE(timestamp.offset) - this.#origin, visit);
    if ((flags & MISSED) === 0) return NOTHING;
    const stored = (flags & MISSED_STORED) !== 0 && end + commit.size <= page.length;
    return { kind: "entries", count: stored ? readNumber(page, end, commit.size) : undefined };
  }

  #entries(page: Buffer, end: number, start: bigint, visit: EntryVisitor): void {
    const { typeBits, padding, timeExtend, timeStamp, longest, data } = this.#format;
    const typeMask = (1 << typeBits) - 1;
    let time = Number(start);
    for (let at = data.offset; at < end;) {
      const word = readWord(page, at, end);
      const type = word & typeMask;
      const delta = word >>> typeBits;
      if (type > 0 && type <= longest) {
        const length = type * WORD;
        if (at + WORD + length > end) throw damaged("an entry is longer than the rest of it");
        time += delta;
        visit(time, at + WORD, length);
        at += WORD + length;
        continue;
      }
      if (type === padding && delta === 0) return;
      const second = readWord(page, at + WORD, end);
      if (type === timeExtend) {
        time += second * this.#stampFactor + delta;
        at += 2 * WORD;
      } else if (type === timeStamp) {
        time = this.#absolute(BigInt(second) * BigInt(this.#stampFactor) + BigInt(delta), start);
        at += 2 * WORD;
      } else {
        if (type !== 0 && type !== padding) throw damaged(`entry type ${type}`);
        if (second < WORD || at + WORD + second > end) throw damaged("an entry is longer than the rest of it");
        time += delta;
        if (type === 0) visit(time, at + 2 * WORD, second - WORD);
        at += WORD + second;
      }
    }
  }

  /** An absolute time holds its low bits; the others are those of the page. */
  #absolute(low: bigint, start: bigint): number {
    const page = start + this.#origin;
    return Number(((page >> STAMP_BITS) << STAMP_BITS) + low - this.#origin);
  }
}

function readWord(page: Buffer, at: number, end: number): number {
  if (at + WORD > end) throw damaged("an entry is longer than the rest of it");
  return page.readUInt32LE(at);
}

function readNumber(page: Buffer, at: number, size: number): number {
  return size === 8 ? Number(page.readBigUInt64LE(at)) : page.readUIntLE(at, size);
}

function damaged(what: string): KvmError {
  return new KvmError("PAGE", `a page of the kernel's trace cannot be read: ${what}`);
}
