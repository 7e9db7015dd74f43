import { opOf, type Direction, type Width } from "../access.ts";
import type { BatchBuilder } from "../batch.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import type { LineKind } from "./lines/line-reader.ts";

/** Bytes of a line at the most: a payload in hexadecimal, and what stands around it. */
export const LONGEST_LINE = 2 * MAX_PAYLOAD_BYTES + 0x10_0000;

/** An access as a log of Portrait's own making may hold it. */
export interface LoggedAccess {
  /** Undefined where the log does not number it. */
  readonly seq: number | undefined;
  readonly time: number;
  readonly vcpu: number;
  readonly direction: Direction;
  readonly port: number;
  readonly width: Width;
  readonly value: number;
  /** Of a string access; undefined for any other. */
  readonly count: number | undefined;
  readonly payload: Uint8Array | undefined;
}

/**
 * Takes the accesses of a log that may number them. Where accesses are missing, because it was filtered or is pieced
 * together, a gap is put: whoever reads the trace must not take it for all that happened.
 */
export class NumberedLog {
  readonly #builder: BatchBuilder;
  #expected = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
  }

  /** Puts an access, unless it cannot be one. */
  access(one: LoggedAccess): LineKind {
    const bad = problemOf(one);
    if (bad !== undefined) return { bad };
    const { seq, time, vcpu, direction, port, width, value, count, payload } = one;
    this.#number(seq ?? this.#expected, time);
    if (count === undefined) this.#builder.push(time, port, opOf(direction, width), value, vcpu);
    else this.#builder.pushString(time, port, direction, width, count, value, payload, vcpu);
    return "read";
  }

  #number(seq: number, time: number): void {
    const missing = seq - this.#expected;
    if (missing > 0) this.#builder.gap(time, "left out of the log", missing);
    if (missing < 0) {
      this.#builder.gap(time, "the log's numbers begin anew: what happened in between was not observed");
    }
    this.#expected = seq + 1;
  }
}

/** Why no access can be like this. */
function problemOf({ seq = 0, time, vcpu, port, width, value, count = 1, payload }: LoggedAccess): string | undefined {
  if (!Number.isSafeInteger(seq + 1)) return "seq: too large";
  if (!Number.isSafeInteger(time)) return "time: beyond 104 days";
  if (vcpu > 0xffff) return "vcpu: beyond 65535";
  if (port > 0xffff) return "port: beyond 0xffff";
  if (value >= 2 ** width) return `value: more than ${width} bits`;
  if (count < 1 || count > 0xffff_ffff) return "count: expected 1 to 4294967295";
  if (payload !== undefined && 8 * payload.length !== count * width) return "payload: not as long as the count says";
  return undefined;
}
