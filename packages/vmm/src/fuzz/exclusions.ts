import type { PortAccess } from "./accesses.ts";
import { displayExclusions } from "./display-exclusions.ts";
import { withoutWrites, type Exclusion } from "./exclusion.ts";
import { placedExclusions } from "./placed-exclusions.ts";
import { qemuExclusions } from "./qemu-exclusions.ts";

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
        // What is left out is no parameter: the next byte may be.
        if (port === 0x60 && command === 0xd1 && (value & 1) === 0) return false;
        if (port === 0x64) command = value & 0xff;
        else if (port === 0x60) command = 0;
        return true;
      });
    },
  },
];

const all = [...qemuExclusions, ...resets];

/** What sequences on QEMU do not have. `first`: what goes before them in any case. */
export function exclusionsAfter(first: readonly PortAccess[]): readonly Exclusion[] {
  return [...all, ...displayExclusions(first), ...placedExclusions(first)];
}
