import { readFileSync } from "node:fs";
import type { Direction, Width } from "../packages/tracer/src/access.ts";

/** One access that a guest's source says it makes. */
export interface ExpectedAccess {
  readonly direction: Direction;
  readonly port: number;
  readonly width: Width;
  /** Undefined where the machine decides what is read. */
  readonly value: number | undefined;
  /** Device and register it reaches; "-" where there is none. */
  readonly device: string;
  readonly register: string;
}

/** Bytes of one of our own guests, by its name in fixtures/guests: `ticker`, `criterion-port`. */
export function guestImage(name: string): Uint8Array {
  return readFileSync(guestFile(`${name}.bin`));
}

/** The accesses listed in a guest's source, in order. Its lines read `;= out16 0x3c4 0x0f02 vga SEQ`. */
export function expectedAccesses(name: string): readonly ExpectedAccess[] {
  const lines = readFileSync(guestFile(`${name}.asm`), "utf8").split("\n");
  return lines.filter((line) => line.startsWith(";=")).map(parseLine);
}

const LINE = /^;= (in|out)(16|32)? (0x[0-9a-f]+) (\*|0x[0-9a-f]+) (\S+) (\S+)$/;

function parseLine(line: string): ExpectedAccess {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`a guest's source has a line that does not read as an access: ${line}`);
  const [, direction, width, port, value, device = "-", register = "-"] = match;
  return {
    direction: direction === "in" ? "in" : "out",
    port: Number(port),
    width: width === "16" ? 16 : width === "32" ? 32 : 8,
    value: value === "*" ? undefined : Number(value),
    device,
    register,
  };
}

function guestFile(name: string): URL {
  return new URL(`../fixtures/guests/${name}`, import.meta.url);
}
