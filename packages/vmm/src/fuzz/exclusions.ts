import type { PortAccess } from "./accesses.ts";

/** Accesses that sequences do not have, because nothing can be compared after them. */
export interface Exclusion {
  readonly why: string;
  /** Positions of the accesses that are left out. */
  readonly find: (accesses: readonly PortAccess[]) => readonly number[];
}

/** A byte on its way to a port, also as part of a wider access. */
interface ByteWrite {
  readonly port: number;
  readonly value: number;
}

/** Writes of one byte, wherever it comes from. From the datasheets, not from the descriptions. */
const bytewise: readonly { readonly why: string; readonly test: (write: ByteWrite) => boolean }[] = [
  {
    why: "port 92h bit 0 resets the processor (ICH9 datasheet, PORT92)",
    test: ({ port, value }) => port === 0x92 && (value & 1) !== 0,
  },
  {
    why: "8042 commands F0h to FEh with bit 0 clear pulse the reset line (IBM PS/2 Technical Reference, keyboard controller)",
    test: ({ port, value }) => port === 0x64 && value >= 0xf0 && (value & 1) === 0,
  },
  {
    why: "OCW3 has bit 7 clear (8259A datasheet, figure 8); QEMU takes a write with bit 7 and bit 3 set for one all the same",
    test: ({ port, value }) => (port === 0x20 || port === 0xa0) && (value & 0x98) === 0x88,
  },
];

/** What is left out of every sequence. */
export const exclusions: readonly Exclusion[] = [
  ...bytewise.map(({ why, test }) => ({ why, find: (accesses: readonly PortAccess[]) => writesThat(accesses, test) })),
  {
    why: "the byte at CF9h resets the machine with bit 2 (PIIX3 datasheet, RC)",
    // A doubleword at CF8h is CONFADD.
    find: (accesses) =>
      writesThat(
        accesses.map((access) => (access.width === 32 ? { ...access, width: 8 as const } : access)),
        ({ port, value }) => port === 0xcf9 && (value & 4) !== 0,
      ),
  },
  {
    why: "the 8042's output port has the reset line in bit 0 (IBM PS/2 Technical Reference, command D1h)",
    find: (accesses) => {
      let command = 0;
      return accesses.flatMap(({ direction, port, value }, i) => {
        if (direction === "in") return [];
        const resets = port === 0x60 && command === 0xd1 && (value & 1) === 0;
        if (port === 0x64) command = value & 0xff;
        else if (port === 0x60) command = 0;
        return resets ? [i] : [];
      });
    },
  },
];

function writesThat(accesses: readonly PortAccess[], test: (write: ByteWrite) => boolean): number[] {
  return accesses.flatMap(({ direction, port, width, value }, i) => {
    if (direction === "in") return [];
    const bytes = Array.from({ length: width / 8 }, (_, lane) => ({
      port: port + lane,
      value: (value >>> (8 * lane)) & 0xff,
    }));
    return bytes.some(test) ? [i] : [];
  });
}

/** The sequence without what is left out, and how many accesses each reason took. */
export function withoutExcluded(sequence: readonly PortAccess[]): {
  readonly accesses: readonly PortAccess[];
  readonly left: ReadonlyMap<string, number>;
} {
  let accesses = sequence;
  const left = new Map<string, number>();
  for (const { why, find } of exclusions) {
    const found = new Set(find(accesses));
    if (found.size === 0) continue;
    left.set(why, found.size);
    accesses = accesses.filter((_, i) => !found.has(i));
  }
  return { accesses, left };
}
