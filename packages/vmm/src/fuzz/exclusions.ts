import type { PortAccess } from "./accesses.ts";
import { qemuExclusions } from "./qemu-exclusions.ts";

/** Accesses that sequences do not have, because nothing can be compared after them. */
export interface Exclusion {
  readonly why: string;
  /** The sequence without them; where only some bits are meant, with others in their place. */
  readonly without: (accesses: readonly PortAccess[]) => readonly PortAccess[];
}

/** Leaves out the writes of which `test` takes a byte, also as part of a wider access. */
export function withoutWrites(why: string, test: (port: number, value: number) => boolean): Exclusion {
  return {
    why,
    without: (accesses) =>
      accesses.filter(
        ({ direction, port, width, value }) =>
          direction === "in" ||
          !Array.from({ length: width / 8 }, (_, lane) => test(port + lane, (value >>> (8 * lane)) & 0xff)).some(
            Boolean,
          ),
      ),
  };
}

/** Writes that reset the machine. From the datasheets, not from the descriptions. */
const resets: readonly Exclusion[] = [
  withoutWrites(
    "port 92h bit 0 resets the processor (ICH9 datasheet, PORT92)",
    (port, value) => port === 0x92 && (value & 1) !== 0,
  ),
  withoutWrites(
    "8042 commands F0h to FEh with bit 0 clear pulse the reset line (IBM PS/2 Technical Reference, keyboard controller)",
    (port, value) => port === 0x64 && value >= 0xf0 && (value & 1) === 0,
  ),
  {
    why: "the byte at CF9h resets the machine with bit 2 (PIIX3 datasheet, RC)",
    // A doubleword at CF8h is CONFADD.
    without: (accesses) =>
      accesses.filter(({ direction, port, width, value }) => {
        const lane = 0xcf9 - port;
        const reaches = direction === "out" && width < 32 && lane >= 0 && lane < width / 8;
        return !(reaches && ((value >>> (8 * lane)) & 4) !== 0);
      }),
  },
  {
    why: "the 8042's output port has the reset line in bit 0 (IBM PS/2 Technical Reference, command D1h)",
    without: (accesses) => {
      let command = 0;
      return accesses.filter(({ direction, port, value }) => {
        if (direction === "in") return true;
        const resetsNow = port === 0x60 && command === 0xd1 && (value & 1) === 0;
        if (port === 0x64) command = value & 0xff;
        else if (port === 0x60) command = 0;
        return !resetsNow;
      });
    },
  },
];

/** The sequence without what is left out, and how many accesses each reason took. */
export function withoutExcluded(sequence: readonly PortAccess[]): {
  readonly accesses: readonly PortAccess[];
  readonly left: ReadonlyMap<string, number>;
} {
  let accesses = sequence;
  const left = new Map<string, number>();
  // What QEMU does otherwise first: it may leave a command out, and its parameter is another one's then.
  for (const { why, without } of [...qemuExclusions, ...resets]) {
    const rest = without(accesses);
    const kept = new Set(rest);
    const gone = accesses.filter((access) => !kept.has(access)).length;
    if (gone > 0) left.set(why, gone);
    accesses = rest;
  }
  return { accesses, left };
}
