import type { PortAccess } from "./accesses.ts";
import type { Exclusion } from "./exclusion.ts";
import { ne2000Exclusion } from "./isa-exclusions.ts";
import { basesIn, reaches, writes } from "./placed.ts";

/** Whether an access to a device that was given this base is left out. */
type Test = (access: PortAccess, base: number) => boolean;

/** Registers of a legacy virtio device by their offset (VIRTIO 1.1, 4.1.4.8). */
const VIRTIO_WIDTHS = new Map([
  [0x00, 32],
  [0x04, 32],
  [0x08, 32],
  [0x0c, 16],
  [0x0e, 16],
  [0x10, 16],
  [0x12, 8],
  [0x13, 8],
]);

/** Registers of ICH9's SMI control and TCO by their offset from PMBASE (ICH9 datasheet, 13.8.3 and 13.9). */
const ICH9_WIDTHS = new Map([
  ...[0x30, 0x34].map((register) => [register, 32] as const),
  ...[0x60, 0x64, 0x66, 0x68, 0x6a, 0x72].map((register) => [register, 16] as const),
  ...[0x62, 0x63, 0x6c, 0x6d, 0x6e, 0x70].map((register) => [register, 8] as const),
]);

/** Queues of a network device without multiqueue: received, sent, control (VIRTIO 1.1, 5.1.2). */
const NETWORK_QUEUES = 3;

/** Of devices whose ports are programmed, and where `first` has put them. From the datasheets, not from the descriptions. */
export function placedExclusions(first: readonly PortAccess[]): readonly Exclusion[] {
  return [
    behind(
      "SSBM starts a transfer, which goes on (PIIX4 datasheet, 5.2.1)",
      basesIn(first, 0x20),
      () => (access, base) => writes(access, base, 0x01) || writes(access, base + 8, 0x01),
    ),
    behind(
      "SLP_EN puts the machine to sleep or switches it off (PIIX4 datasheet, PMCNTRL); types from 4 on do neither to QEMU's",
      basesIn(first, 0x40),
      () => (access, base) => writes(access, base + 5, 0x20) && !writes(access, base + 5, 0x10),
    ),
    behind(
      "QEMU's ICH9 takes a part of SMI_EN for nothing, and a part of a TCO register, or several, for one",
      basesIn(first, 0x40, 0x29188086),
      () => (access, base) =>
        (reaches(access, base + 0x30, base + 0x37) || reaches(access, base + 0x60, base + 0x7f)) &&
        ICH9_WIDTHS.get(access.port - base) !== access.width,
    ),
    behind(
      "the watchdog ignores times of 0 and 1 (ICH9 datasheet, TCO_TMR); QEMU's goes on with an earlier one",
      basesIn(first, 0x40, 0x29188086),
      () =>
        ({ direction, port, value }, base) =>
          direction === "out" && port === base + 0x72 && (value & 0x3ff) <= 1,
    ),
    behind(
      "the PCnet stays in doubleword mode at a software reset (Am79C970A datasheet, BCR18 DWIO), which it leaves on QEMU",
      basesIn(first, 0x10, 0x20001022),
      () => (access, base) => access.direction === "in" && access.width === 32 && access.port === base + 0x18,
    ),
    behind(
      "the PCnet's DWIO is only read (Am79C970A datasheet, BCR18); QEMU's comes back to words when it is written as 0",
      basesIn(first, 0x10, 0x20001022),
      () => registerWrites([NOWHERE, 0x1c], 18, (value) => (value & 0x80) === 0),
    ),
    behind(
      "UINTCMD raises an interrupt that lasts until UINT is cleared (Am79C970A datasheet, CSR4); QEMU's ends at the next access",
      basesIn(first, 0x10, 0x20001022),
      () => registerWrites([0x10, 0x10], 4, (value) => (value & 0x80) !== 0),
    ),
    behind(
      "a software reset leaves the PCnet's CSR12 to CSR14 (Am79C970A datasheet, CSR12 to CSR14); QEMU's takes them from the address PROM once more",
      basesIn(first, 0x10, 0x20001022),
      () => {
        let written = false;
        return (access, base) => {
          if (access.direction === "out" && reaches(access, base, base + 0x0f)) written = true;
          return written && access.direction === "in" && access.port === base + 0x14;
        };
      },
    ),
    behind(
      "a reset leaves the RTL8139's receive configuration on QEMU, and not the buffer size that it asks for",
      basesIn(first, 0x10, 0x813910ec),
      () => {
        let length = 0;
        return (access, base) => {
          if (access.direction === "out" && access.port === base + 0x44) length = access.value & 0x1800;
          return length !== 0 && (writes(access, base + 0x37, 0x10) || writes(access, base + 0x50, 0x40));
        };
      },
    ),
    behind(
      "an RTL8139's descriptors are handed over in turn, whole, and while it sends (RTL8139C datasheet, Transmit Status Register); QEMU's sends what was not when the next one is handed over",
      basesIn(first, 0x10, 0x813910ec),
      outOfTurn,
    ),
    behind(
      "a legacy virtio device has MSI-X vectors and its own configuration from 14h on, on one another (VIRTIO 1.1, 4.1.4.8): not described",
      basesIn(first, 0x10, 0x10001af4),
      () => (access, base) => access.direction === "out" && reaches(access, base + 0x14, base + 0x3f),
    ),
    behind(
      "virtio registers are written and read whole (VIRTIO 1.1, 4.1.3.1); QEMU takes a part for the whole",
      basesIn(first, 0x10, 0x10001af4),
      () => (access, base) =>
        reaches(access, base, base + 0x13) && VIRTIO_WIDTHS.get(access.port - base) !== access.width,
    ),
    behind(
      "a virtio device works through its queues when it is notified, and takes of the features only those it offers (VIRTIO 1.1, 2.2)",
      basesIn(first, 0x10, 0x10001af4),
      () =>
        ({ direction, port }, base) =>
          port === base + (direction === "out" ? 0x10 : 0x04),
    ),
    behind(
      "a legacy virtio device knows no FEATURES_OK (VIRTIO 1.1, 2.1.1); QEMU's takes no features after it, resets itself where a queue is given up, and ignores the selection of queues that it cannot have, and addresses for those that it does not have",
      basesIn(first, 0x10, 0x10001af4),
      () => {
        let queue = 0;
        return ({ direction, port, value }, base) => {
          if (direction === "in") return false;
          if (port === base + 0x0e && value < 0x400) queue = value;
          if (port === base + 0x12 && value === 0) queue = 0;
          return (
            (port === base + 0x12 && (value & 0x08) !== 0) ||
            (port === base + 0x08 && (value === 0 || queue >= NETWORK_QUEUES)) ||
            (port === base + 0x0e && value >= 0x400)
          );
        };
      },
    ),
    ...basesIn(first, 0x10, 0x802910ec).map(ne2000Exclusion),
  ];
}

/** No port's offset. */
const NOWHERE = -1;

/** Writes to a PCnet's register, at the data ports' offsets by words and doublewords, whose value is meant. */
function registerWrites(data: readonly [number, number], register: number, isMeant: (value: number) => boolean): Test {
  let [rap, isWide] = [0, false];
  return ({ direction, port, width, value }, base) => {
    if (direction === "in" || width < 16) return false;
    // A doubleword to RDP widens the card for good; what is not of its width it does not take.
    if (!isWide && width === 32) isWide = port === base + 0x10;
    else if (isWide === (width === 32)) {
      if (port === base + (isWide ? 0x14 : 0x12)) rap = value & 0x7f;
      return port === base + data[isWide ? 1 : 0] && rap === register && isMeant(value);
    }
    return false;
  };
}

/** What an RTL8139 is handed over otherwise than by the descriptor whose turn it is. */
function outOfTurn(): Test {
  let sends = false;
  let inMemory = false;
  let next = 0;
  return (access, base) => {
    const { direction, port, width, value } = access;
    if (direction === "in") return false;
    const reloads = writes(access, base + 0x50, 0x40) && !writes(access, base + 0x50, 0x80);
    if (reloads || writes(access, base + 0x37, 0x10)) [inMemory, next] = [false, 0];
    if (reloads) sends = false;
    if (reaches(access, base + 0x37, base + 0x37)) sends = writes(access, base + 0x37, 0x04);
    if (reaches(access, base + 0xe0, base + 0xe1)) inMemory = true;
    if (!reaches(access, base + 0x10, base + 0x1f)) return false;
    const isDescriptor = width === 32 && port === base + 0x10 + 4 * next && (value & 0x2000) === 0;
    if (!sends || inMemory || !isDescriptor) return true;
    next = (next + 1) % 4;
    return false;
  };
}

function behind(why: string, bases: readonly number[], makeTest: () => Test): Exclusion {
  return {
    why,
    without: (accesses) => {
      const test = makeTest();
      const rest = accesses.filter((access) => !bases.some((base) => test(access, base)));
      return rest.length === accesses.length ? accesses : rest;
    },
  };
}
