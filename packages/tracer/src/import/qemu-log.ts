import { opOf } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";

/** What a {@link QemuLog} has read. */
export interface QemuLogCounts {
  /** Whole lines. */
  lines: number;
  /** Accesses of the guest to ports, handed on. */
  accesses: number;
  /** Accesses to memory (addresses from 10000h on). */
  memory: number;
  /** Accesses to ports by qtest or a monitor (`cpu -1`): not the guest's, but they may have changed a device. */
  foreign: number;
  /** Accesses to ports of a size other than 1, 2 or 4 bytes, which no trace can hold. */
  oddSizes: number;
  /** Lines that begin as a traced access and do not go on as one. */
  malformed: number;
  /** Number of the first malformed line, from 1; 0 where there is none. */
  firstMalformed: number;
  /** Lines of something else. */
  other: number;
}

/** Where a {@link QemuLog} takes times from, and what becomes of lines that are not accesses. */
export interface QemuLogOptions {
  /** Wall-clock time of the trace's time 0, microseconds since 1970; where undefined, the first stamp is time 0. */
  readonly originMicros?: number;
  /** Gets each line that is not an access, stamp included, without its line end. */
  readonly other?: (line: string) => void;
}

/** Bytes of a line that are kept while the rest of it has not come; what is beyond is dropped. */
const LINE_LIMIT = 4096;
/** Digits of an address in port space: QEMU prints none that lead with 0. */
const PORT_DIGITS = 4;

const [NEWLINE, SPACE, MINUS, DOT, ZERO, NINE, COLON, AT, T, Z] = [10, 32, 45, 46, 48, 57, 58, 64, 84, 90] as const;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const EVENT = ascii("memory_region_ops_");
const READ = ascii("read cpu ");
const WRITE = ascii("write cpu ");
const REGION = ascii(" mr ");
const ADDR = ascii(" addr 0x");
const VALUE = ascii(" value 0x");
const SIZE = ascii(" size ");

/** Value of a hexadecimal digit by its byte; 255 where it is none. */
const HEX = new Uint8Array(256).fill(255);
ascii("0123456789abcdef").forEach((byte, digit) => (HEX[byte] = digit));

const NO_OP = 255;
/** Op bytes by size in bytes. */
const IN = Uint8Array.of(NO_OP, opOf("in", 8), opOf("in", 16), NO_OP, opOf("in", 32));
const OUT = Uint8Array.of(NO_OP, opOf("out", 8), opOf("out", 16), NO_OP, opOf("out", 32));

/**
 * Reads the lines QEMU logs for its trace events `memory_region_ops_read` and `memory_region_ops_write` from pieces of
 * bytes and puts the guest's port accesses into a {@link BatchBuilder}. Port space is told from memory by the address:
 * the events carry the absolute one, and below 10000h a PC's memory is RAM, which these events do not show. Lines may
 * carry QEMU's stamps, `PID@SECONDS.MICROS:` or, from newer versions, `2025-01-31T12:00:00.123456Z `. Times never go
 * back. No input makes it throw.
 */
export class QemuLog {
  readonly counts: QemuLogCounts = {
    lines: 0,
    accesses: 0,
    memory: 0,
    foreign: 0,
    oddSizes: 0,
    malformed: 0,
    firstMalformed: 0,
    other: 0,
  };
  readonly #builder: BatchBuilder;
  readonly #other: ((line: string) => void) | undefined;
  readonly #cut = new Uint8Array(LINE_LIMIT + 1);
  #cutLength = 0;
  #origin: number | undefined;
  #arrival = 0;
  #time = 0;
  #bytes: Uint8Array = this.#cut;
  #at = 0;

  constructor(builder: BatchBuilder, options: QemuLogOptions = {}) {
    this.#builder = builder;
    this.#origin = options.originMicros;
    this.#other = options.other;
  }

  /** Wall-clock microseconds since 1970 of time 0; undefined before the first stamp where the options gave none. */
  get originMicros(): number | undefined {
    return this.#origin;
  }

  /** Reads the next piece. `arrival`: nanoseconds since the start of the trace, the time of accesses without a stamp. */
  push(piece: Uint8Array, arrival = 0): void {
    this.#arrival = arrival;
    const end = piece.lastIndexOf(NEWLINE) + 1;
    let from = 0;
    if (end > 0 && this.#cutLength > 0) {
      from = piece.indexOf(NEWLINE) + 1;
      this.#keep(piece.subarray(0, from - 1));
      this.end();
    }
    this.#lines(piece, from, end);
    this.#keep(piece.subarray(end));
  }

  /** Takes what came last as a line, though it had no line end. */
  end(): void {
    if (this.#cutLength === 0) return;
    this.#cut[this.#cutLength] = NEWLINE;
    const end = this.#cutLength + 1;
    this.#cutLength = 0;
    this.#lines(this.#cut, 0, end);
  }

  /** Keeps a piece of a line; what is beyond the limit is dropped. */
  #keep(piece: Uint8Array): void {
    const kept = piece.subarray(0, LINE_LIMIT - this.#cutLength);
    this.#cut.set(kept, this.#cutLength);
    this.#cutLength += kept.length;
  }

  /** Reads whole lines; the byte before `end` ends the last one, so that no field can run over it. */
  #lines(bytes: Uint8Array, from: number, end: number): void {
    this.#bytes = bytes;
    for (let start = from; start < end;) {
      this.#at = start;
      this.counts.lines++;
      const kind = this.#line();
      let at = this.#at;
      while (bytes[at] !== NEWLINE) at++;
      if (kind !== "access") this.#passOver(kind, start, at);
      start = at + 1;
    }
  }

  #passOver(kind: "other" | "malformed", start: number, end: number): void {
    if (kind === "malformed") {
      if (this.counts.malformed++ === 0) this.counts.firstMalformed = this.counts.lines;
    } else {
      this.counts.other++;
      this.#other?.(String.fromCharCode(...this.#bytes.subarray(start, Math.min(end, start + LINE_LIMIT))));
    }
  }

  /** Reads the line at `#at`, up to where its kind is clear; never past its line end. */
  #line(): "access" | "other" | "malformed" {
    const time = this.#stamp();
    if (time === undefined || !this.#skip(EVENT)) return "other";
    const read = this.#skip(READ);
    if (!read && !this.#skip(WRITE)) return "malformed";
    const foreign = this.#skipByte(MINUS);
    const vcpu = this.#decimal();
    if (vcpu < 0 || vcpu > 0xffff || !this.#skip(REGION)) return "malformed";
    while (this.#bytes[this.#at] !== SPACE && this.#bytes[this.#at] !== NEWLINE) this.#at++;
    if (!this.#skip(ADDR)) return "malformed";
    const from = this.#at;
    const port = this.#hex();
    const portDigits = this.#at - from;
    if (portDigits === 0 || !this.#skip(VALUE)) return "malformed";
    const valueAt = this.#at;
    const value = this.#hex();
    if (this.#at === valueAt || !this.#skip(SIZE)) return "malformed";
    const size = this.#decimal();
    if (size < 0) return "malformed";
    if (portDigits > PORT_DIGITS) this.counts.memory++;
    else if (foreign) this.counts.foreign++;
    else this.#push(time, port, (read ? IN : OUT)[size] ?? NO_OP, value, vcpu);
    return "access";
  }

  #push(time: number, port: number, op: number, value: number, vcpu: number): void {
    if (op === NO_OP) {
      this.counts.oddSizes++;
      return;
    }
    this.#time = Math.max(this.#time, time);
    this.counts.accesses++;
    this.#builder.push(this.#time, port, op, value, vcpu);
  }

  /**
   * Reads the stamp a line may begin with, in nanoseconds since the start; without one it is the time of arrival.
   * Undefined where the line begins as nothing that QEMU traces.
   */
  #stamp(): number | undefined {
    const first = this.#decimal();
    if (first < 0) return this.#arrival;
    const micros = this.#skipByte(AT) ? this.#unixStamp() : this.#isoStamp(first);
    if (micros === undefined) return undefined;
    this.#origin ??= micros;
    return (micros - this.#origin) * 1000;
  }

  /** `SECONDS.MICROS:` after `PID@`, as microseconds since 1970. */
  #unixStamp(): number | undefined {
    const seconds = this.#decimal();
    if (!this.#skipByte(DOT)) return undefined;
    const micros = this.#decimal();
    return this.#skipByte(COLON) ? seconds * 1e6 + micros : undefined;
  }

  /** `-01-31T12:00:00.123456Z ` after the year, as microseconds since 1970. The fraction is left out where it is 0. */
  #isoStamp(year: number): number | undefined {
    const month = this.#skipByte(MINUS) ? this.#decimal() : -1;
    const day = this.#skipByte(MINUS) ? this.#decimal() : -1;
    const hour = this.#skipByte(T) ? this.#decimal() : -1;
    const minute = this.#skipByte(COLON) ? this.#decimal() : -1;
    const second = this.#skipByte(COLON) ? this.#decimal() : -1;
    const micros = this.#skipByte(DOT) ? this.#decimal() : 0;
    if (second < 0 || !this.#skipByte(Z) || !this.#skipByte(SPACE)) return undefined;
    return Date.UTC(year, month - 1, day, hour, minute, second) * 1000 + micros;
  }

  #skipByte(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** Steps over `text` if it stands here. */
  #skip(text: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
    this.#at = at + text.length;
    return true;
  }

  /** A decimal number; -1 where no digit stands here. */
  #decimal(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let value = 0;
    for (; ; at++) {
      const byte = bytes[at] ?? NEWLINE;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + byte - ZERO;
    }
    if (at === this.#at) return -1;
    this.#at = at;
    return value;
  }

  /** The low 32 bits of a hexadecimal number, which may come out negative; 0 where no digit stands here. */
  #hex(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let value = 0;
    for (; ; at++) {
      const digit = HEX[bytes[at] ?? NEWLINE] ?? 255;
      if (digit > 15) break;
      value = (value << 4) | digit;
    }
    this.#at = at;
    return value;
  }
}
