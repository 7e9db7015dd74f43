import type { PortAccess } from "./accesses.ts";
import { withoutWrites, type Exclusion } from "./exclusion.ts";

/** The same for the devices of the ISA bus: drives, NE2000, parallel port, Sound Blaster, and the chipset's fixed ports. */
export const isaExclusions: readonly Exclusion[] = [
  {
    why: "ATA commands that leave results in the task file, and soft resets: a migration reads them at the source, this does not; and SET FEATURES 82h, which writes the cache out and takes nothing meanwhile",
    without: withoutAtaResults,
  },
  ne2000Exclusion(0x300),
  {
    why: "QEMU's parallel port has no extended control register, so that it has the first two modes alone and that register reads nothing, prints at a strobe, and takes one register at a time",
    without: (accesses) =>
      accesses
        .filter((access) => (access.port & ~3) !== 0x778 || keepsParallelMode(access))
        .filter(({ port, width }) => !((port & ~3) === 0x378 && width > 8))
        .map((access) =>
          access.direction === "out" && access.port === 0x37a ? withValue(access, access.value & ~1) : access,
        ),
  },
  {
    why: "Sound Blaster commands that play, or that QEMU does not know; bits beside RESET, which it takes for other drivers' habits",
    without: withoutSounds,
  },
  withoutWrites(
    "the SMI command port runs firmware, which turns ACPI mode on and off in PM1 control (PIIX4 datasheet, APMC)",
    (port) => port === 0xb2,
  ),
  withoutWrites(
    "there are 256 buses for QEMU's hotplug registers at the most",
    (port, value) => port > 0xae10 && port < 0xae14 && value !== 0,
  ),
  {
    why: "a reset by DSR spares DOR (82077AA datasheet, DOR); QEMU's does not, and resets at power-down as well",
    without: (accesses) =>
      accesses.map((access) =>
        access.direction === "out" && access.port === 0x3f4 && (access.value & 0xc0) !== 0
          ? withValue(access, access.value & ~0xc0)
          : access,
      ),
  },
  {
    why: "floppy commands that take a medium and its time, which those to tracks that no disk has do not; unlocking (QEMU's reset keeps CONFIGURE), bytes written while results wait, other than five bytes of a drive specification, several registers at once, and MSR in reset (which ends QEMU's)",
    without: withoutFloppyWaits,
  },
];

/** True for a write to ECR by which data goes on to the cable as it does after reset (ECP specification 1.06, table 4-3). */
function keepsParallelMode({ direction, port, width, value }: PortAccess): boolean {
  return direction === "out" && port === 0x77a && width === 8 && value < 0x40;
}

function withoutAtaResults(accesses: readonly PortAccess[]): PortAccess[] {
  const features = new Map<number, number>();
  return accesses.filter(({ direction, port, width, value }) => {
    if (direction === "in") return true;
    if (port === 0x3f6 || port === 0x376) return (value & 0x04) === 0;
    const channel = port & ~7;
    if (channel !== 0x1f0 && channel !== 0x170) return true;
    if (width !== 8) return false;
    if (port === channel + 1) features.set(channel, value);
    if (port !== channel + 7) return true;
    return [0xef, 0xc6, 0x91].includes(value) && !(value === 0xef && features.get(channel) === 0x82);
  });
}

/** For an NE2000 at a base, on the ISA bus or another. */
export function ne2000Exclusion(base: number): Exclusion {
  return {
    why: "an NE2000 is reset by a read (QEMU leaves all but ISR as it was), sends, moves memory, whose address and count go on; several registers at once; pages beyond QEMU's memory",
    without: (accesses) =>
      accesses
        .filter(({ port, width }) => !(port >= base && port < base + 0x10 && width > 8))
        .filter(({ port, value }) => !([1, 2, 3, 7].includes(port - base) && value > 0xbf))
        .filter(({ port, direction }) => port !== base + 0x10 && !(port === base + 0x1f && direction === "in"))
        .map((access) =>
          access.direction === "out" && access.port === base ? withValue(access, quietCommand(access.value)) : access,
        ),
  };
}

/** The access with another value; the same one where that is its own. */
function withValue(access: PortAccess, value: number): PortAccess {
  return access.value === value ? access : { ...access, value };
}

/** A command of the DP8390 that neither transmits nor starts remote DMA (datasheet, 10.0). */
function quietCommand(value: number): number {
  return (value & ~0x3c) | 0x20;
}

/** DSP commands that make no sound: parameters (Creative's guide, 6). */
const DSP_COMMANDS = new Map([
  [0x40, 1],
  [0x41, 2],
  [0x42, 2],
  [0x48, 2],
  [0xd1, 0],
  [0xd3, 0],
  [0xe0, 1],
  [0xe1, 0],
  [0xe4, 1],
  [0xe8, 0],
]);

function withoutSounds(accesses: readonly PortAccess[]): PortAccess[] {
  let [parameters, index, timed] = [0, 0, false];
  const bits = accesses
    .filter(({ port, width }) => !(port >= 0x224 && port < 0x230 && width > 8))
    .map((access) =>
      access.direction === "out" && access.port === 0x226 ? withValue(access, access.value & 1) : access,
    );
  return bits.filter(({ direction, port, value }) => {
    if (direction === "in") return true;
    if (port === 0x224) index = value;
    // Interrupt Setup has one line.
    if (port === 0x225 && index === 0x80) return [1, 2, 4, 8].includes(value);
    // A reset leaves QEMU's time constant, and half a rate where it breaks a command off.
    if (port === 0x226) return parameters === 0 && !timed;
    if (port !== 0x22c) return true;
    if (parameters === 0 && [0x40, 0x41, 0x42].includes(value)) timed = true;
    const count = parameters > 0 ? parameters - 1 : DSP_COMMANDS.get(value);
    parameters = count ?? 0;
    return count !== undefined;
  });
}

/** Ends with the byte that has DN (82078 datasheet, DRIVE SPECIFICATION COMMAND), on QEMU with the fifth; its NRP is the other way round. */
const DRIVE_SPECIFICATION = 0x8e;
/** QEMU's disks have fewer tracks. */
const NO_TRACK = 0xe0;

/** Floppy commands that are done at once: parameters, then results (82077AA datasheet, table 5-1). */
const FLOPPY_COMMANDS = new Map<number, readonly [parameters: number, results: number]>([
  [0x03, [2, 0]],
  [0x04, [1, 1]],
  [0x07, [1, 0]],
  [0x0e, [0, 10]],
  [0x0f, [2, 0]],
  [0x10, [0, 1]],
  [0x12, [1, 0]],
  [0x13, [3, 0]],
  [DRIVE_SPECIFICATION, [5, 0]],
  [0x94, [0, 1]],
]);

/** Parameters and results of a floppy command that is done at once; undefined for others. */
function floppyCounts(command: number): readonly [parameters: number, results: number] | undefined {
  if (floppyTransfers(command)) return [8, 7];
  // QEMU formats nothing, and says at once that it has.
  return (command & 0xbf) === 0x0d ? [5, 7] : FLOPPY_COMMANDS.get(command);
}

/** Reads and writes of sectors, and scans. */
function floppyTransfers(command: number): boolean {
  return [0x05, 0x09].includes(command & 0x3f) || [0x06, 0x0c, 0x11, 0x19, 0x1d].includes(command & 0x1f);
}

/** The parameter with which the command is done at once, so many others coming after it. */
function floppyParameter(command: number, value: number, left: number): number {
  if (command === DRIVE_SPECIFICATION) return left > 0 ? value & 0x7f : (value & 0x3f) | 0x80;
  return floppyTransfers(command) && left === 6 ? value | NO_TRACK : value;
}

function withoutFloppyWaits(accesses: readonly PortAccess[]): PortAccess[] {
  let [command, parameters, results, operating] = [0, 0, 0, true];
  return accesses.flatMap((access) => {
    const { direction, port, width, value } = access;
    if (port >= 0x3f0 && port < 0x3f8 && width > 8) return [];
    if (port === 0x3f2 && direction === "out") {
      operating = (value & 4) !== 0;
      if (!operating) [parameters, results] = [0, 0];
    }
    if (port === 0x3f4 && direction === "in") return operating ? [access] : [];
    if (port !== 0x3f5 || !operating) return [access];
    if (direction === "in") {
      if (parameters > 0) return [];
      results = Math.max(0, results - 1);
      return [access];
    }
    if (parameters > 0) return [withValue(access, floppyParameter(command, value, --parameters))];
    const counts = results > 0 ? undefined : floppyCounts(value);
    if (counts === undefined) return [];
    [command, parameters, results] = [value, ...counts];
    return [access];
  });
}
