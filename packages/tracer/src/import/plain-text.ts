import { opOf, type Direction, type Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import type { ImportFormat } from "./importer.ts";
import { lineImporter, type LineFormat } from "./lines/line-importer.ts";
import type { LineKind } from "./lines/line-reader.ts";
import { Numbering } from "./numbering.ts";

/** Bytes of a line: a payload in hexadecimal, and what stands around it. */
const LINE_LIMIT = 2 * MAX_PAYLOAD_BYTES + 0x10_0000;

/** Number, seconds, fraction: what a line may begin with. */
const PLACE = String.raw`^\s*(?:(\d+) +)?(?:(\d+)\.(\d{1,9}) +)?`;
const ACCESS = new RegExp(
  String.raw`${PLACE}(?:cpu(\d+) +)?(in|out)(8|16|32) +0x([0-9a-f]{1,8}) +0x([0-9a-f]{1,8})(?: +x(\d+)(?: +([0-9a-f]+))?)?\s*$`,
  "i",
);
const REMARK = new RegExp(String.raw`${PLACE}(?:(marker)|gap)(?: +(\d+))? +(".*")\s*$`, "s");

/** Reads the plain text form: one access, marker or gap a line. */
class PlainText implements LineFormat {
  readonly #builder: BatchBuilder;
  readonly #numbering: Numbering;
  #time = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
    this.#numbering = new Numbering(builder);
  }

  line(text: string): LineKind {
    const access = ACCESS.exec(text);
    if (access !== null) return this.#access(access);
    const remark = REMARK.exec(text);
    if (remark !== null) return this.#remark(remark);
    return /^\s*(?:#.*)?$/s.test(text) ? "read" : { bad: "expected [number] [seconds] [cpuN] in8|out8|… port value" };
  }

  #access([
    ,
    number,
    seconds,
    fraction,
    cpu,
    way = "",
    bits,
    portText = "",
    valueText = "",
    times,
    hex,
  ]: RegExpExecArray): LineKind {
    const direction: Direction = way.toLowerCase() === "out" ? "out" : "in";
    const width: Width = bits === "8" ? 8 : bits === "16" ? 16 : 32;
    const [port, value, vcpu] = [parseInt(portText, 16), parseInt(valueText, 16), Number(cpu ?? 0)];
    const count = times === undefined ? undefined : Number(times);
    if (port > 0xffff) return { bad: "a port beyond 0xffff" };
    if (value >= 2 ** width) return { bad: `a value of more than ${width} bits` };
    if (vcpu > 0xffff) return { bad: "a vcpu beyond 65535" };
    if (count === 0 || (count ?? 1) > 0xffff_ffff) return { bad: "a count that cannot be" };
    if (hex !== undefined && hex.length !== (2 * (count ?? 0) * width) / 8)
      return { bad: "the payload is not as long as the count says" };
    if (Number(number ?? 0) >= Number.MAX_SAFE_INTEGER) return { bad: "a number that is too large" };
    if (!this.#moveTo(seconds, fraction)) return { bad: "a time beyond 104 days" };
    this.#numbering.next(number === undefined ? undefined : Number(number), this.#time);
    if (count === undefined) this.#builder.push(this.#time, port, opOf(direction, width), value, vcpu);
    else {
      const payload = hex === undefined ? undefined : Buffer.from(hex, "hex");
      this.#builder.pushString(this.#time, port, direction, width, count, value, payload, vcpu);
    }
    return "read";
  }

  #remark([, , seconds, fraction, marker, lost, quoted = ""]: RegExpExecArray): LineKind {
    const text = unquoted(quoted);
    if (text === undefined) return { bad: "a text that is not in quotes as JSON has them" };
    if (Number(lost ?? 0) > Number.MAX_SAFE_INTEGER) return { bad: "a number that is too large" };
    if (marker !== undefined && lost !== undefined) return { bad: "a marker has no number" };
    if (!this.#moveTo(seconds, fraction)) return { bad: "a time beyond 104 days" };
    if (marker !== undefined) this.#builder.marker(this.#time, text);
    else this.#builder.gap(this.#time, text, lost === undefined ? undefined : Number(lost));
    return "read";
  }

  /** Takes the time of a line, or stays where it has none. False where it cannot be told in nanoseconds. */
  #moveTo(seconds: string | undefined, fraction: string | undefined): boolean {
    if (seconds === undefined || fraction === undefined) return true;
    const time = Number(seconds) * 1e9 + Number(fraction.padEnd(9, "0"));
    if (!Number.isSafeInteger(time)) return false;
    this.#time = time;
    return true;
  }
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
  open: (builder, options) => lineImporter(new PlainText(builder), options, LINE_LIMIT),
};
