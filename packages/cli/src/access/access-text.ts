import type { Verdict } from "@portrait/classifier";
import type { ClockUnit } from "@portrait/tracer";
import type { ChalkInstance } from "chalk";
import { hex, plural, seconds } from "../output/numbers.ts";
import { fieldsOf, partName, type ShownAccess, type ShownPart } from "./shown-access.ts";

const PAYLOAD_SHOWN = 16;

/** Writes accesses as lines for people. */
export class AccessText {
  readonly #colors: ChalkInstance;
  readonly #clock: ClockUnit;

  constructor(colors: ChalkInstance, clock: ClockUnit) {
    this.#colors = colors;
    this.#clock = clock;
  }

  /** `1233  0.001480  0020  pic1.ICW1 <= 0x11  {IC4=1 SNGL=0}  state  port direction data`. */
  access({ access, parts, verdict, criteria }: ShownAccess): string {
    const { dim, bold } = this.#colors;
    const vcpu = access.vcpu === 0 ? "" : ` cpu${access.vcpu}`;
    const arrow = access.direction === "out" ? "<=" : "=>";
    const reached =
      parts.length === 0
        ? `${dim("?")} ${arrow} ${hex(access.value)}`
        : parts.map((part) => `${bold(partName(part))} ${arrow} ${this.#value(part)}`).join(" + ");
    const why = criteria.length === 0 ? "" : `  ${dim(criteria.join(" "))}`;
    const port = access.port.toString(16).padStart(4, "0");
    return `${this.#place(access.seq, access.time)}${vcpu}  ${dim(port)}  ${reached}${this.#string(access)}  ${this.#verdict(verdict)}${why}`;
  }

  /** A gap or marker on a line of its own. */
  remark(seq: number, time: number, text: string): string {
    return `${this.#place(seq, time)}  ${this.#colors.yellow(`-- ${text}`)}`;
  }

  #place(seq: number, time: number): string {
    const digits = this.#clock === "us" ? 6 : 9;
    const shown = this.#clock === "none" ? "" : `  ${seconds(time, digits).padStart(digits + 5)}`;
    return `${String(seq).padStart(9)}${shown}`;
  }

  #value(part: ShownPart): string {
    const fields = fieldsOf(part).filter(([name, value]) => value !== 0 || !name.startsWith("UNK"));
    if (fields.length === 0) return hex(part.value);
    const shown = fields.map(([name, value]) => `${name}=${value < 10 ? value : hex(value)}`).join(" ");
    return `${hex(part.value)}  {${shown}}`;
  }

  #string({ count, payload, width }: ShownAccess["access"]): string {
    if (count === 1 && payload === undefined) return "";
    const bytes = payload === undefined ? "not observed" : spaced(payload);
    return `  ×${plural(count, `${width}-bit element`)}: ${bytes}`;
  }

  #verdict(verdict: Verdict): string {
    const { green, yellow, red, dim } = this.#colors;
    switch (verdict) {
      case "state":
        return green(verdict);
      case "command":
        return yellow(verdict);
      case "unknown":
        return red(verdict);
      case "transfer":
      case "read":
        return dim(verdict);
    }
  }
}

function spaced(payload: Uint8Array): string {
  const shown = Array.from(payload.subarray(0, PAYLOAD_SHOWN), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return payload.length > PAYLOAD_SHOWN ? `${shown} …` : shown;
}
