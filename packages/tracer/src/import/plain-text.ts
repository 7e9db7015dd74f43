import type { BatchBuilder } from "../batch.ts";
import type { ImportFormat } from "./importer.ts";
import { lineImporter, type LineFormat } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";
import { LONGEST_LINE, NumberedLog } from "./numbered-log.ts";

/** Number, seconds, fraction: what a line may begin with. */
const PLACE = String.raw`^\s*(?:(\d+) +)?(?:(\d+)\.(\d{1,9}) +)?`;
const ACCESS = new RegExp(
  String.raw`${PLACE}(?:cpu(\d+) +)?(in|out)(8|16|32) +(0x[0-9a-f]{1,8}) +(0x[0-9a-f]{1,8})(?: +x(\d+)(?: +((?:[0-9a-f]{2})+))?)?\s*$`,
  "i",
);
const REMARK = new RegExp(String.raw`${PLACE}(?:(marker)|gap)(?: +(\d+))? +(".*")\s*$`, "s");

/** Reads the plain text form: one access, marker or gap a line. */
class PlainText implements LineFormat {
  readonly #builder: BatchBuilder;
  readonly #log: NumberedLog;
  #time = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
    this.#log = new NumberedLog(builder);
  }

  line(text: string): LineKind {
    const access = ACCESS.exec(text);
    if (access !== null) return this.#access(access);
    const remark = REMARK.exec(text);
    if (remark !== null) return this.#remark(remark);
    return /^\s*(?:#.*)?$/s.test(text) ? "read" : { bad: "expected [number] [seconds] [cpuN] in8|out8|… port value" };
  }

  #access([, seq, seconds, fraction, cpu, way, bits, port, value, times, payload]: RegExpExecArray): LineKind {
    return this.#log.access({
      seq: numberOf(seq),
      time: this.#timeOf(seconds, fraction),
      vcpu: numberOf(cpu) ?? 0,
      direction: way?.toLowerCase() === "out" ? "out" : "in",
      port: Number(port),
      width: bits === "8" ? 8 : bits === "16" ? 16 : 32,
      value: Number(value),
      count: numberOf(times),
      payload: payload === undefined ? undefined : Buffer.from(payload, "hex"),
    });
  }

  #remark([, , seconds, fraction, marker, gapLost, quoted = ""]: RegExpExecArray): LineKind {
    const text = unquoted(quoted);
    const lost = numberOf(gapLost);
    if (text === undefined) return { bad: "a text that is not in quotes as JSON has them" };
    if (marker !== undefined && lost !== undefined) return { bad: "a marker has no number" };
    const time = this.#timeOf(seconds, fraction);
    if (!Number.isSafeInteger(time) || !Number.isSafeInteger(lost ?? 0)) return { bad: "a number too large" };
    if (marker !== undefined) this.#builder.marker(time, text);
    else this.#builder.gap(time, text, lost);
    return "read";
  }

  /** The time of a line, in nanoseconds; that of the line before where it has none. */
  #timeOf(seconds: string | undefined, fraction = ""): number {
    if (seconds === undefined) return this.#time;
    const time = Number(seconds) * 1e9 + Number(fraction.padEnd(9, "0"));
    if (Number.isSafeInteger(time)) this.#time = time;
    return time;
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function unquoted(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The plain text form, which `portrait export --to plain` writes. */
export const plainText: ImportFormat = {
  name: "plain",
  title: "plain text",
  engine: "",
  decodesAliases: false,
  recognise: (line) => {
    const match = ACCESS.exec(line) ?? REMARK.exec(line);
    if (match === null) return undefined;
    const digits = match[3]?.length;
    return { clock: digits === undefined ? "none" : digits > 6 ? "ns" : "us" };
  },
  open: (builder, options) => lineImporter(new PlainText(builder), options, LONGEST_LINE),
};
