import { opOf, type Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import type { ImportFormat, LeftOut } from "./importer.ts";
import { lineImporter, type LineFormat } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";

/**
 * `IO: outb 0070 <= 8f`, `IO:  inw 0cfe => 8086`, behind the ids, the flags and `[cs:eip]` of the newer versions. The last
 * flag may say that a filter dropped or faked it.
 */
const ACCESS =
  /(?:\bR[H.][Q.]([DF]) +\[\S+\] +)?\bIO\b.{0,40}?: +(in|out)[bwl]+ ([0-9a-f]{4}) (?:<=|=>) ([0-9a-f]+)\s*$/;
const BEGINNING = /\bIO\b.{0,40}?: +(?:in|out)[a-z]* /;

/** What stands behind `[cs:eip]`, and behind the ids and a mark where a version has them there: `NVram: `, `MEM,ROM_HI: `. */
const NAMED = /\[[0-9a-f]+:[0-9a-f]+\] +(?:[0-9a-f]+[.:][0-9a-f]+\W+)?([A-Za-z][^:,]*)[:,]/;
/** Names that are not those of a filter. */
const RAW: ReadonlySet<string> = new Set(["IO", "MEM", "CPU", "CPU MSR", "CPUID"]);
/** An access to PCI configuration as the versions before November 2012 decode it: `PCI 0:1f.0 R.40 <= 00000401`. */
const PCI = /\bPCI [0-9a-f]+:[0-9a-f]+\.[0-9a-f] R\./;

const DECODED: LineKind = {
  bad: "decoded by SerialICE's filters, which hide accesses; what its QEMU writes since March 2013 hides none",
};

/** Widths by the hex digits of a value. */
const WIDTHS: Readonly<Record<number, Width>> = { 2: 8, 4: 16, 8: 32 };

/**
 * Reads what SerialICE's QEMU writes. Where SerialICE's filters have decoded accesses, as its replay does and its QEMU did
 * before March 2013, they hide others: those lines are bad.
 */
class SerialIceLog implements LineFormat {
  readonly #builder: BatchBuilder;
  #filtered = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
  }

  leftOut(): readonly LeftOut[] {
    return this.#filtered === 0
      ? []
      : [{ count: this.#filtered, what: "marks of accesses that a filter dropped or faked" }];
  }

  line(line: string): LineKind {
    const [, filtered, direction, port = "", value = ""] = ACCESS.exec(line) ?? [];
    const width = WIDTHS[value.length];
    if (direction === undefined || width === undefined) return unread(line);
    if (filtered !== undefined) this.#filtered++;
    this.#builder.push(0, parseInt(port, 16), opOf(direction === "out" ? "out" : "in", width), parseInt(value, 16));
    return "read";
  }
}

function unread(line: string): LineKind {
  if (BEGINNING.test(line)) return { bad: "an access that does not read as SerialICE writes them" };
  return isDecoded(line) ? DECODED : "other";
}

function isDecoded(line: string): boolean {
  const [, name] = NAMED.exec(line) ?? [];
  return name === undefined ? PCI.test(line) : !RAW.has(name);
}

/**
 * What SerialICE's QEMU prints of a mainboard's firmware run on the mainboard itself: no times, and one line for each
 * element of a string instruction. Its own filters take 24h ... 3Ch for the PIC's alias ports (`simba/chipset/pc80.lua`),
 * and so does a trace made from it.
 */
export const serialIce: ImportFormat = {
  name: "serialice",
  title: "a SerialICE log",
  engine: "serialice",
  decodesAliases: true,
  recognise: (line) => (ACCESS.test(line) ? { clock: "none" } : undefined),
  open: (builder, options) => lineImporter(new SerialIceLog(builder), options),
};
