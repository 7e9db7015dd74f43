import { opOf, type Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import type { ImportFormat } from "./importer.ts";
import { lineImporter } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";

/** `IO: outb 0070 <= 8f`, `IO:  inw 0cfe => 8086`, behind the ids, the flags and `[cs:eip]` of the newer versions. */
const ACCESS = /\bIO[^:]*: +(in|out)[bwl]+ ([0-9a-f]{4}) (?:<=|=>) ([0-9a-f]+)\s*$/;
const BEGINNING = /\bIO[^:]*: +(?:in|out)[a-z]* /;

/** Widths by the hex digits of a value. */
const WIDTHS: Readonly<Record<number, Width>> = { 2: 8, 4: 16, 8: 32 };

function readLine(line: string, builder: BatchBuilder): LineKind {
  const [, direction, port = "", value = ""] = ACCESS.exec(line) ?? [];
  const width = WIDTHS[value.length];
  if (direction === undefined || width === undefined) {
    return BEGINNING.test(line) ? { bad: "an access that does not read as SerialICE writes them" } : "other";
  }
  builder.push(0, parseInt(port, 16), opOf(direction === "out" ? "out" : "in", width), parseInt(value, 16));
  return "read";
}

/**
 * What SerialICE's QEMU prints of a mainboard's firmware run on the mainboard itself: no times, and one line for each
 * element of a string instruction. Its own filters take 24h ... 3Ch for the
 * PIC's alias ports (`simba/chipset/pc80.lua`), and so does a trace made from it.
 */
export const serialIce: ImportFormat = {
  name: "serialice",
  title: "a SerialICE log",
  engine: "serialice",
  decodesAliases: true,
  recognise: (line) => (ACCESS.test(line) ? { clock: "none" } : undefined),
  open: (builder, options) => lineImporter({ line: (text) => readLine(text, builder) }, options),
};
