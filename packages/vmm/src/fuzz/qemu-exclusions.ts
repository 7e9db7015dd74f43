import type { PortAccess } from "./accesses.ts";
import { withoutWrites, type Exclusion } from "./exclusions.ts";

/** Accesses on which QEMU (7.2) does not do what the datasheet says, or of which the datasheet says nothing. */
export const qemuExclusions: readonly Exclusion[] = [
  withoutWrites(
    "OCW3 has bit 7 clear (8259A datasheet, figure 8); QEMU takes a write with bits 7 and 3 set for one all the same",
    (port, value) => (port === 0x20 || port === 0xa0) && (value & 0x98) === 0x88,
  ),
  withoutWrites(
    "QEMU ignores 8237 commands with bits for memory to memory, timing, priority and polarities as a whole",
    (port, value) => (port === 0x08 || port === 0xd0) && (value & ~0x04) !== 0,
  ),
  {
    why: "QEMU keeps bits 0 and 1 of port 61h alone",
    without: (accesses) =>
      accesses.map((access) =>
        access.direction === "out" && access.port === 0x61 && (access.value & 0x0c) !== 0
          ? { ...access, value: access.value & ~0x0c }
          : access,
      ),
  },
  {
    why: "bytes that some chipsets keep beside the page registers; QEMU has none",
    without: (accesses) => accesses.filter(({ port }) => ![0x84, 0x85, 0x86, 0x88, 0x8c, 0x8d, 0x8e].includes(port)),
  },
  {
    why: "a control word releases what a latch command has latched (8254 datasheet, counter latch command); QEMU holds it until it is read",
    without: withoutControlWordsOverLatches,
  },
  {
    why: "a command ends the wait for the parameter of the one before; QEMU's 8042 goes on waiting, unless the new one has one too",
    without: withoutBrokenCommands,
  },
];

/** Ports of the counters, by the counter that a control word names. */
const COUNTERS = [0x40, 0x41, 0x42];

function withoutControlWordsOverLatches(accesses: readonly PortAccess[]): PortAccess[] {
  const reads = [0, 0, 0];
  return accesses.filter(({ direction, port, value }) => {
    const counter = COUNTERS.indexOf(port);
    if (direction === "in" && counter >= 0) reads[counter] = Math.max(0, (reads[counter] ?? 0) - 1);
    if (direction === "in" || port !== 0x43) return true;
    if (value >> 6 === 3) {
      // A status and a count of two bytes at the most.
      COUNTERS.forEach((_, i) => {
        if ((value & (2 << i)) !== 0) reads[i] = 3;
      });
      return true;
    }
    const named = value >> 6;
    if ((value & 0x30) === 0) reads[named] = 3;
    return (value & 0x30) === 0 || reads[named] === 0;
  });
}

function withoutBrokenCommands(accesses: readonly PortAccess[]): PortAccess[] {
  let waits = false;
  return accesses.filter(({ direction, port, value }) => {
    if (direction === "in") return true;
    if (port === 0x60) waits = false;
    if (port !== 0x64) return true;
    const parameter = value === 0x60 || (value >= 0xd1 && value <= 0xd4);
    if (waits && !parameter) return false;
    waits = parameter;
    return true;
  });
}
