import type { PortAccess } from "./accesses.ts";
import { bytesOf, withoutBytes, type Exclusion } from "./exclusion.ts";

/** What a CL-GD5446 shows of itself in PCI configuration space. */
const CIRRUS_ID = 0x00b81013;

/** Where QEMU's displays differ, by which of them `first` shows. */
export function displayExclusions(first: readonly PortAccess[]): readonly Exclusion[] {
  const isCirrus = first.some(({ direction, value }) => direction === "in" && value === CIRRUS_ID);
  return isCirrus ? cirrus : vga;
}

const vga: readonly Exclusion[] = [
  {
    why: "QEMU's VGA has no pixel mask and no feature control to read at 3C6h and 3CAh, and reads reserved bits of attribute registers as 0",
    without: (accesses) => withoutReads(accesses, [0x3c1, 0x3c6, 0x3ca]),
  },
  {
    why: "registers beyond the VGA's: QEMU's sequencer and graphics controller drop the high bits of the index",
    without: (accesses) =>
      withoutBytes(
        accesses,
        ({ direction, port, value }) =>
          direction === "out" && ((port === 0x3c4 && value > 7) || (port === 0x3ce && value > 15)),
      ),
  },
];

const cirrus: readonly Exclusion[] = [
  {
    why: "QEMU's Cirrus keeps of feature control what no VGA has, and reads reserved bits of attribute registers as 0",
    without: (accesses) => withoutReads(accesses, [0x3c1, 0x3ca]),
  },
  {
    why: "GR31 bits 0, 3 and 4 are only read (CL-GD5446 manual, BLT Start/Status); QEMU keeps what is written to them",
    without: (accesses) => {
      const status = new Set(
        indexed(accesses, 0x3ce, 0x31).flatMap(({ at, value }) => ((value & 0x19) === 0 ? [] : [at])),
      );
      return status.size === 0 ? accesses : accesses.filter((_, at) => !status.has(at));
    },
  },
  {
    why: "which palette gets a colour that was begun in the other one: the manual does not say (CL-GD5446, SR12)",
    without: withoutSplitColours,
  },
];

function withoutSplitColours(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let [index, parts] = [0, 0];
  return withoutBytes(accesses, ({ direction, port, value }) => {
    if (port === 0x3c9) parts = (parts + 1) % 3;
    if (direction === "in") return false;
    if (port === 0x3c7 || port === 0x3c8) parts = 0;
    if (port === 0x3c4) index = value;
    return port === 0x3c5 && index === 0x12 && parts !== 0;
  });
}

function withoutReads(accesses: readonly PortAccess[], ports: readonly number[]): readonly PortAccess[] {
  return withoutBytes(accesses, ({ direction, port }) => direction === "in" && ports.includes(port));
}

/** Bytes written to a register behind an index port and the data port after it. */
function indexed(accesses: readonly PortAccess[], port: number, register: number) {
  let index = 0;
  return bytesOf(accesses).filter((byte) => {
    if (byte.direction === "out" && byte.port === port) index = byte.value;
    return byte.direction === "out" && byte.port === port + 1 && index === register;
  });
}
