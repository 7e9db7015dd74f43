import type { PortAccess } from "./accesses.ts";
import type { FieldAllowance } from "../machine.ts";
import { bytesOf, withoutBytes, withoutWrites, type Exclusion } from "./exclusion.ts";
import { isaExclusions } from "./isa-exclusions.ts";

/** Accesses on which QEMU (7.2) does not do what the datasheet says, or of which the datasheet says nothing. */
export const qemuExclusions: readonly Exclusion[] = [
  withoutWrites(
    "OCW3 has bit 7 clear (8259A datasheet, operation command words); QEMU takes a write with bits 7 and 3 set for one all the same",
    (port, value) => (port === 0x20 || port === 0xa0) && (value & 0x98) === 0x88,
  ),
  ...[0x08, 0xd0].map((port) =>
    withoutBits(
      "QEMU ignores 8237 commands with bits for memory to memory, timing, priority and polarities as a whole",
      port,
      8,
      0xfb,
    ),
  ),
  withoutBits("QEMU keeps bits 0 and 1 of port 61h alone", 0x61, 8, 0x0c),
  {
    why: "an SMBus transaction takes its time, QEMU's until the status is read, and nothing is accessed meanwhile (PIIX4 datasheet, 11.5.4.1); one of blocks holds QEMU's bus until all was read, and one to address 0 for ever, and no snapshot lets it go",
    without: withoutHeldBus,
  },
  withoutBits(
    "QEMU's SMBus controller keeps KILL, which ends a transaction, and bits that the PIIX4 has not",
    0xb102,
    8,
    0xa2,
  ),
  {
    why: "QEMU's SMBus controller is no slave, whose registers read nothing then, has a register of the ICH's instead, and is reached by bytes here",
    without: (accesses) => {
      const left = accesses.filter(
        ({ direction, port, width }) =>
          (port & ~0xf) !== 0xb100 ||
          (width === 8 && port !== 0xb101 && (port < 0xb108 || (direction === "out" && port < 0xb10c))),
      );
      return left.length === accesses.length ? accesses : left;
    },
  },
  withoutBits("bits 1 and 0 of CONFADD are 0 (PCI specification 3.0, 3.2.2.3.2)", 0xcf8, 32, 0x03),
  {
    why: "QEMU's memory core hands a word at 4D0h to the first of the two controllers",
    without: (accesses) => {
      const left = accesses.filter(({ port, width }) => !(port === 0x4d0 && width !== 8));
      return left.length === accesses.length ? accesses : left;
    },
  },
  {
    why: "bytes that some chipsets keep beside the page registers; QEMU has none, reads nothing there, and of several at once that begin there takes none",
    without: (accesses) =>
      accesses.filter(
        ({ direction, port, width }) =>
          (direction === "out" && width === 8) || ![0x84, 0x85, 0x86, 0x88, 0x8c, 0x8d, 0x8e].includes(port),
      ),
  },
  {
    why: "a control word releases what a latch command has latched (8254 datasheet, counter latch command); QEMU holds it until it is read",
    without: withoutControlWordsOverLatches,
  },
  {
    why: "a command ends the wait for the parameter of the one before; QEMU's 8042 goes on waiting, unless the new one has one too",
    without: withoutBrokenCommands,
  },
  {
    why: "a keyboard takes a byte with bit 7 for a command, also where it waits for a parameter, and a mouse one of E0h and above; QEMU's do not",
    without: (accesses) =>
      without(
        accesses,
        ({ device, value, parameterOf }) => parameterOf !== undefined && value >= COMMANDS_FROM[device],
      ),
  },
  {
    why: "scan code sets are 1 to 3; QEMU's keyboard leaves others where they are",
    without: (accesses) =>
      without(accesses, ({ device, value, parameterOf }) => device === "kbd" && parameterOf === 0xf0 && value > 3),
  },
  {
    why: "QEMU's keyboard does not know the key types of scan code set 3 (FBh to FDh)",
    without: (accesses) => without(accesses, ({ device, value }) => device === "kbd" && value >= 0xfb && value <= 0xfd),
  },
  {
    why: "size and depth of Bochs' graphics mode change only while it is off; QEMU also keeps bank, offsets and VGA registers as earlier writes left them when it is switched off or on again, or gets another width, lowers the height for good where lines get too long for its memory, and overrides VGA registers while it is on",
    without: withoutChangesOfMode,
  },
  withoutWrites(
    "QEMU's 8042 has no RAM but the command byte, and takes no parameter for the commands 61h to 7Fh",
    (port, value) => port === 0x64 && value > 0x60 && value < 0x80,
  ),
  {
    why: "QEMU's VGA takes no doublewords",
    without: (accesses) => {
      const left = accesses.filter(({ port, width }) => !(width === 32 && port >= 0x3b0 && port < 0x3e0));
      return left.length === accesses.length ? accesses : left;
    },
  },
  {
    why: "byte 37h of CMOS RAM is the century of a PS/2, and QEMU moves the index from there to its own",
    without: withoutPs2Century,
  },
  {
    why: "wrap mode of the mouse (EEh), in which it sends back what it is sent, is not described",
    without: (accesses) => without(accesses, ({ device, value }) => device === "aux" && value === 0xee),
  },
  {
    why: "what was written to CRTC registers at 3B5h and at 3D5h is described apart: not read once both were written",
    without: (accesses) => {
      const written = new Set<number>();
      return withoutBytes(accesses, ({ direction, port }) => {
        if (port !== 0x3b5 && port !== 0x3d5) return false;
        if (direction === "out") written.add(port);
        return direction === "in" && written.size === 2;
      });
    },
  },
  {
    why: "the palette has one address (IBM VGA): colours are read only after 3C7h and written only after 3C8h; QEMU has two addresses",
    without: withoutMixedPalette,
  },
  ...isaExclusions,
];

/** Fields that are not compared after some sequences, because QEMU leaves something else in them than the hardware. */
export interface QemuExcuse {
  readonly why: string;
  readonly fields: (accesses: readonly PortAccess[]) => readonly Omit<FieldAllowance, "why">[];
}

/** What QEMU (7.2) leaves otherwise after some sequences. */
export const qemuExcuses: readonly QemuExcuse[] = [
  {
    why: "a control word stops the counter until its count follows (8254 datasheet, mode definitions); QEMU's goes on with the old count",
    fields: (accesses) =>
      COUNTERS.flatMap((_, counter) =>
        awaitsCount(accesses, counter) ? [{ path: `i8254[0].channels[${counter}].count` }] : [],
      ),
  },
  {
    why: "a byte to a device of QEMU's 8042 enables its interface again; controllers differ in it, and the plan goes by the guest's last command",
    fields: (accesses) => (enablesAgain(accesses) ? [{ path: "pckbd[0].kbd.mode", mask: 0x30 }] : []),
  },
  {
    why: "a reset of the mouse comes back as set defaults, which ends a sequence of sample rates; QEMU's reset does not",
    fields: (accesses) =>
      resetsAmongRates(accesses)
        ? [{ path: "ps2mouse[0].mouse_detect_state" }, { path: "ps2mouse[0].mouse_type" }]
        : [],
  },
];

/** Clears bits of what is written to a port; of a byte also where it is part of a wider access. */
function withoutBits(why: string, port: number, width: PortAccess["width"], bits: number): Exclusion {
  const cleared = (access: PortAccess) => {
    const lane = port - access.port;
    const isMine = width === 8 ? lane >= 0 && lane < access.width / 8 : lane === 0 && access.width === width;
    return access.direction === "out" && isMine ? (access.value & (bits << (8 * lane))) >>> 0 : 0;
  };
  return {
    why,
    without: (accesses) =>
      accesses.some((access) => cleared(access) !== 0)
        ? accesses.map((access) =>
            cleared(access) === 0 ? access : { ...access, value: (access.value & ~cleared(access)) >>> 0 },
          )
        : accesses,
  };
}

function withoutPs2Century(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let index = 0;
  return withoutBytes(accesses, ({ direction, port, value }) => {
    if (direction === "out" && port === 0x70) index = value & 0x7f;
    return port === 0x71 && index === 0x37;
  });
}

function withoutHeldBus(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let address = 0;
  let waits = false;
  return withoutBytes(accesses, ({ direction, port, value }) => {
    if (direction === "in" && port === 0xb100) waits = false;
    if (port < 0xb102 || port > 0xb107) return false;
    if (waits) return true;
    if (direction === "out" && port === 0xb104) address = value >> 1;
    if (direction === "in" || port !== 0xb102 || (value & 0x40) === 0) return false;
    const protocol = (value >> 2) & 7;
    if (address === 0 || protocol === 5 || protocol === 6) return true;
    waits = true;
    return false;
  });
}

function withoutMixedPalette(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let mode = 0x3c8;
  return withoutBytes(accesses, ({ direction, port }) => {
    if (direction === "out" && (port === 0x3c7 || port === 0x3c8)) mode = port;
    return port === 0x3c9 && (direction === "in") !== (mode === 0x3c7);
  });
}

/** Ports of the counters, by the counter that a control word names. */
const COUNTERS = [0x40, 0x41, 0x42];

function withoutControlWordsOverLatches(accesses: readonly PortAccess[]): readonly PortAccess[] {
  // Reads that take what is latched away: a status and a count of two bytes at the most.
  const reads = [0, 0, 0];
  return withoutBytes(accesses, ({ direction, port, value }) => {
    const counter = COUNTERS.indexOf(port);
    if (direction === "in" && counter >= 0) reads[counter] = Math.max(0, (reads[counter] ?? 0) - 1);
    if (direction === "in" || port !== 0x43) return false;
    const named = value >> 6;
    if (named === 3) COUNTERS.forEach((_, i) => void ((value & (2 << i)) !== 0 && (reads[i] = 3)));
    else if ((value & 0x30) === 0) reads[named] = 3;
    else return reads[named] !== 0;
    return false;
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

/** True when the last control word of the counter has no complete count after it. */
function awaitsCount(accesses: readonly PortAccess[], counter: number): boolean {
  let missing = 0;
  for (const { direction, port, value } of bytesOf(accesses)) {
    if (direction === "in") continue;
    const format = (value >> 4) & 3;
    if (port === 0x43 && value >> 6 === counter && format !== 0) missing = format === 3 ? 2 : 1;
    else if (port === COUNTERS[counter]) missing = Math.max(0, missing - 1);
  }
  return missing > 0;
}

/** A byte that goes through the 8042 to a device. */
interface DeviceByte {
  /** Position of the access. */
  readonly at: number;
  readonly device: "kbd" | "aux";
  readonly value: number;
  /** The device's command that it is the parameter of. */
  readonly parameterOf: number | undefined;
}

/** Bytes from here on are commands, also where a parameter is waited for. */
const COMMANDS_FROM = { kbd: 0x80, aux: 0xe0 };
const WITH_PARAMETER = { kbd: [0xed, 0xf0, 0xf3], aux: [0xe8, 0xf3] };

function deviceBytes(accesses: readonly PortAccess[]): DeviceByte[] {
  let controller: number | undefined;
  const waits: Record<DeviceByte["device"], number | undefined> = { kbd: undefined, aux: undefined };
  return accesses.flatMap(({ direction, port, value }, at): DeviceByte[] => {
    if (direction === "in" || (port !== 0x60 && port !== 0x64)) return [];
    if (port === 0x64) {
      controller = value === 0x60 || (value >= 0xd1 && value <= 0xd4) ? value : undefined;
      return [];
    }
    const device = controller === undefined ? "kbd" : controller === 0xd4 ? "aux" : undefined;
    controller = undefined;
    if (device === undefined) return [];
    const parameterOf = waits[device];
    waits[device] = parameterOf === undefined && WITH_PARAMETER[device].includes(value) ? value : undefined;
    return [{ at, device, value, parameterOf }];
  });
}

/** Leaves out the first byte to a device that `test` takes, until there is none. */
function without(accesses: readonly PortAccess[], test: (byte: DeviceByte) => boolean): readonly PortAccess[] {
  const found = deviceBytes(accesses).find(test);
  return found === undefined ? accesses : without(accesses.toSpliced(found.at, 1), test);
}

/** True when a byte went to a device after an interface was disabled, or will again in a plan: where a parameter is waited for. */
function enablesAgain(accesses: readonly PortAccess[]): boolean {
  const bytes = deviceBytes(accesses);
  const ends = (device: DeviceByte["device"]) => {
    const last = bytes.findLast((byte) => byte.device === device);
    return last !== undefined && last.parameterOf === undefined && WITH_PARAMETER[device].includes(last.value);
  };
  const disabled = accesses.findIndex(
    ({ direction, port, value }) => direction === "out" && port === 0x64 && [0xa7, 0xad, 0x60].includes(value),
  );
  return disabled >= 0 && (ends("kbd") || ends("aux") || bytes.some(({ at }) => at > disabled));
}

/** True when the mouse was reset after a rate that begins a sequence. */
function resetsAmongRates(accesses: readonly PortAccess[]): boolean {
  const bytes = deviceBytes(accesses).filter(({ device }) => device === "aux");
  const begun = bytes.findIndex(({ value, parameterOf }) => parameterOf === 0xf3 && value === 200);
  return begun >= 0 && bytes.slice(begun).some(({ value }) => value === 0xff);
}

/** Most bytes of a pixel, and those of video memory on the machines that are tried. */
const [PIXEL_BYTES, VIDEO_MEMORY] = [4, 2 ** 20];

function withoutChangesOfMode(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let index = 0;
  let on = false;
  let moved = false;
  let height = 1;
  const left = accesses.filter(({ direction, port, width, value }) => {
    if (on && port >= 0x3b0 && port < 0x3e0) return false;
    if (direction === "in" || width !== 16) return true;
    if (port === 0x1ce) index = value;
    if (port !== 0x1cf) return true;
    if (index === 4) {
      if (on || (value & 1) === 0) return false;
      on = true;
    }
    if (index === 8 || index === 9) moved = true;
    if (index === 2 && !on) height = value;
    if (index === 6 && (moved || (on && value * height * PIXEL_BYTES > VIDEO_MEMORY))) return false;
    return !(on && index >= 1 && index <= 3);
  });
  return left.length === accesses.length ? accesses : left;
}
