import { opOf } from "../access.ts";
import { BatchBuilder } from "../batch.ts";
import { memoryMappedMarker } from "../memory-mapped.ts";
import type { ImportFormat, Importer, LeftOut } from "./importer.ts";
import { ascii, type LineCursor } from "./lines/line-cursor.ts";
import { LineReader, noLines, type LineCounts, type LineKind, type LineOptions } from "./lines/line-reader.ts";

/** What a {@link QemuLog} has read. */
export interface QemuLogCounts extends LineCounts {
  /** Accesses of the guest to ports, handed on. */
  accesses: number;
  /** Accesses to memory (addresses from 10000h on). */
  memory: number;
  /** Accesses to ports by qtest or a monitor (`cpu -1`): not the guest's, but they may have changed a device. */
  foreign: number;
  /** Accesses to ports of a size other than 1, 2 or 4 bytes, which no trace can hold. */
  oddSizes: number;
}

/** Where a {@link QemuLog} takes times from, and what becomes of lines that are not accesses. */
export interface QemuLogOptions extends LineOptions {
  /** Wall-clock time of the trace's time 0, microseconds since 1970; where undefined, the first stamp is time 0. */
  readonly originMicros?: number;
}

/** Digits of an address in port space: QEMU prints none that lead with 0. */
const PORT_DIGITS = 4;

const [SPACE, MINUS, DOT, COLON, AT, T, Z] = [32, 45, 46, 58, 64, 84, 90] as const;

const EVENT = ascii("memory_region_ops_");
const READ = ascii("read cpu ");
const WRITE = ascii("write cpu ");
const REGION = ascii(" mr ");
const ADDR = ascii(" addr 0x");
const VALUE = ascii(" value 0x");
const SIZE = ascii(" size ");
const HEX_PREFIX = ascii("0x");
const NAME = ascii(" name '");

/** Regions of memory that are told, and characters of their names. */
const REGIONS_LIMIT = 64;
const NAME_LIMIT = 64;

const NO_OP = 255;
/** Op bytes by size in bytes. */
const IN = Uint8Array.of(NO_OP, opOf("in", 8), opOf("in", 16), NO_OP, opOf("in", 32));
const OUT = Uint8Array.of(NO_OP, opOf("out", 8), opOf("out", 16), NO_OP, opOf("out", 32));

const BAD: LineKind = { bad: "a traced access that does not read as QEMU writes them" };

/**
 * Reads the lines QEMU logs for its trace events `memory_region_ops_read` and `memory_region_ops_write` from pieces of
 * bytes and puts the guest's port accesses into a {@link BatchBuilder}. Port space is told from memory by the address:
 * the events carry the absolute one, and below 10000h a PC's memory is RAM, which these events do not show. Lines may
 * carry QEMU's stamps, `PID@SECONDS.MICROS:` or, from newer versions, `2025-01-31T12:00:00.123456Z `. Times never go
 * back. A marker tells of each region that the guest reaches through memory. No input makes it throw.
 */
export class QemuLog implements Importer {
  readonly counts: QemuLogCounts = { ...noLines(), accesses: 0, memory: 0, foreign: 0, oddSizes: 0 };
  readonly #builder: BatchBuilder;
  readonly #reader: LineReader;
  readonly #regions = new Set<number>();
  #origin: number | undefined;
  #arrival = 0;
  #time = 0;

  constructor(builder: BatchBuilder, options: QemuLogOptions = {}) {
    this.#builder = builder;
    this.#origin = options.originMicros;
    this.#reader = new LineReader(this.counts, (cursor) => this.#line(cursor), options);
  }

  /** Wall-clock microseconds since 1970 of time 0; undefined before the first stamp where the options gave none. */
  get originMicros(): number | undefined {
    return this.#origin;
  }

  /** Reads the next piece. `arrival`: nanoseconds since the start of the trace, the time of accesses without a stamp. */
  push(piece: Uint8Array, arrival = 0): void {
    this.#arrival = arrival;
    this.#reader.push(piece);
  }

  end(): void {
    this.#reader.end();
  }

  leftOut(): readonly LeftOut[] {
    const { memory, foreign, oddSizes } = this.counts;
    return [
      { count: memory, what: "accesses to memory" },
      { count: foreign, what: "accesses by qtest or a monitor" },
      { count: oddSizes, what: "accesses of an odd size" },
    ].filter(({ count }) => count > 0);
  }

  /** Reads a line up to where its kind is clear. */
  #line(cursor: LineCursor): LineKind {
    const time = this.#stamp(cursor);
    if (time === undefined || !cursor.skip(EVENT)) return "other";
    const read = cursor.skip(READ);
    if (!read && !cursor.skip(WRITE)) return BAD;
    const foreign = cursor.skipByte(MINUS);
    const vcpu = cursor.decimal();
    if (vcpu < 0 || vcpu > 0xffff || !cursor.skip(REGION)) return BAD;
    const regionAt = cursor.at;
    cursor.skipTo(SPACE);
    if (!cursor.skip(ADDR)) return BAD;
    const from = cursor.at;
    const port = cursor.hex();
    const portDigits = cursor.at - from;
    if (portDigits === 0 || !cursor.skip(VALUE)) return BAD;
    const valueAt = cursor.at;
    const value = cursor.hex();
    if (cursor.at === valueAt || !cursor.skip(SIZE)) return BAD;
    const size = cursor.decimal();
    if (size < 0) return BAD;
    if (portDigits > PORT_DIGITS) this.#memory(time, cursor, regionAt, foreign);
    else if (foreign) this.counts.foreign++;
    else this.#push(time, port, (read ? IN : OUT)[size] ?? NO_OP, value, vcpu);
    return "read";
  }

  /** Counts an access to memory, and tells of its region when the guest reaches it for the first time. */
  #memory(time: number, cursor: LineCursor, regionAt: number, foreign: boolean): void {
    this.counts.memory++;
    const nameAt = cursor.at;
    cursor.at = regionAt;
    const region = cursor.skip(HEX_PREFIX) ? cursor.hex() : 0;
    cursor.at = nameAt;
    if (foreign || this.#regions.has(region) || this.#regions.size === REGIONS_LIMIT || !cursor.skip(NAME)) return;
    this.#regions.add(region);
    const [name = ""] = cursor.rest(NAME_LIMIT).split("'");
    this.#time = Math.max(this.#time, time);
    this.#builder.marker(this.#time, memoryMappedMarker(name));
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
   * Undefined where the line begins as nothing that QEMU traces, or with a time that cannot be.
   */
  #stamp(cursor: LineCursor): number | undefined {
    const first = cursor.decimal();
    if (first < 0) return this.#arrival;
    const micros = cursor.skipByte(AT) ? unixStamp(cursor) : isoStamp(cursor, first);
    if (micros === undefined || !Number.isSafeInteger(micros)) return undefined;
    this.#origin ??= micros;
    const time = (micros - this.#origin) * 1000;
    return Number.isSafeInteger(time) ? time : undefined;
  }
}

/** `SECONDS.MICROS:` after `PID@`, as microseconds since 1970. */
function unixStamp(cursor: LineCursor): number | undefined {
  const seconds = cursor.decimal();
  if (!cursor.skipByte(DOT)) return undefined;
  const micros = cursor.decimal();
  return cursor.skipByte(COLON) ? seconds * 1e6 + micros : undefined;
}

/** `-01-31T12:00:00.123456Z ` after the year, as microseconds since 1970. The fraction is left out where it is 0. */
function isoStamp(cursor: LineCursor, year: number): number | undefined {
  const month = cursor.skipByte(MINUS) ? cursor.decimal() : -1;
  const day = cursor.skipByte(MINUS) ? cursor.decimal() : -1;
  const hour = cursor.skipByte(T) ? cursor.decimal() : -1;
  const minute = cursor.skipByte(COLON) ? cursor.decimal() : -1;
  const second = cursor.skipByte(COLON) ? cursor.decimal() : -1;
  const micros = cursor.skipByte(DOT) ? cursor.decimal() : 0;
  if (second < 0 || !cursor.skipByte(Z) || !cursor.skipByte(SPACE)) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1000 + micros;
}

/** What QEMU logs for `-trace memory_region_ops_*`. */
export const qemuLog: ImportFormat = {
  name: "qemu",
  title: "QEMU's trace log",
  engine: "qemu",
  decodesAliases: false,
  recognise: (line) => {
    const log = new QemuLog(new BatchBuilder(() => undefined, { capacity: 1 }));
    log.push(Buffer.from(`${line}\n`));
    if (log.counts.other + log.counts.malformed > 0) return undefined;
    const micros = log.originMicros;
    return micros === undefined ? { clock: "none" } : { clock: "us", startedAt: BigInt(micros) * 1000n };
  },
  open: (builder, options, { startedAt }) =>
    new QemuLog(builder, { ...options, ...(startedAt !== undefined && { originMicros: Number(startedAt / 1000n) }) }),
};
