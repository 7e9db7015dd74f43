import { out, read, type PortAccess } from "./accesses.ts";
import type { Engine } from "./engine.ts";
import { FIRST_BASE } from "./placing.ts";

/** QEMU's boards: what is on them by itself. */
export const BOARDS = ["pc", "q35"] as const;
export type Board = (typeof BOARDS)[number];

/** A QEMU machine for devices to be tried on. */
export interface QemuMachine extends Pick<Engine, "command" | "sections" | "prefix" | "runs" | "absent"> {
  /** Accesses that bring back what a snapshot of power-on does not. */
  readonly settle: readonly PortAccess[];
}

/** What is said of a device type. */
interface DeviceEntry extends Partial<Omit<QemuMachine, "command" | "runs">> {
  readonly options?: readonly string[];
  readonly sections: readonly string[];
  readonly runs?: (board: Board) => readonly PortAccess[];
  /** The board that has it, where it is not the first one. */
  readonly board?: Board;
}

const PROGRAM = "qemu-system-i386";
/** Nothing that the board does not have by itself, and a clock that stands still with the guest. */
const BARE = ["-nodefaults", "-display", "none", "-m", "1"];
const CLOCK = ["-rtc", "base=2020-01-01T00:00:00,clock=vm"];

/** The 440FX, the PIIX3, its IDE and its power management; the Q35 and the ICH9's LPC bridge. */
const CHIPSET: Readonly<Record<Board, readonly number[]>> = {
  pc: [0x0000, 0x0800, 0x0900, 0x0b00],
  q35: [0x0000, 0xf800],
};

/** What firmware sets in the chipset. */
function configurationWrites(board: Board): PortAccess[] {
  return CHIPSET[board].flatMap((device) =>
    [0x04, 0x0c, 0x10, 0x20, 0x3c, 0x40, 0x48, 0x58, 0x5c, 0x60, 0x70, 0x80].flatMap((register): PortAccess[] => [
      { direction: "out", port: 0xcf8, width: 32, value: (0x80000000 | device | register) >>> 0 },
      { direction: "out", port: 0xcfc + (register === 0x0c ? 1 : 0), width: 8, value: register & 0x5b },
      { direction: "out", port: 0xcfc, width: register === 0x04 ? 16 : 32, value: 0x0a0b0907 },
    ]),
  );
}

/** The sample rates that switch a mouse to the wheel and to the five-button protocol. */
const knocks = [
  [200, 100, 80],
  [200, 200, 80],
].flatMap((rates) => [
  ...rates.flatMap((rate) => [out(0x64, 0xd4), out(0x60, 0xf3), out(0x64, 0xd4), out(0x60, rate)]),
  ...[out(0x64, 0xd4), out(0x60, 0xf2)],
]);

/** What firmware has done to make the display work before any guest sees it. */
const display = [out(0x3c2, 0x67), read(0x3da), out(0x3c0, 0x20), out(0x3c6, 0xff), out(0x3c8, 0)];

/** What an RTL8139's driver does: frames handed over in turn, acknowledged, and in loopback taken from the receive buffer. */
function rtl8139Frames(): PortAccess[] {
  const at = (offset: number, width: PortAccess["width"], value: number): PortAccess => ({
    ...out(FIRST_BASE + offset, value),
    width,
  });
  const frames = [0, 1, 2, 3, 0, 1].map((descriptor, i) => [
    at(0x10 + 4 * descriptor, 32, 0x80000 + 60 + 200 * i),
    at(0x3e, 16, 0xffff),
  ]);
  return [
    ...[at(0x37, 8, 0x0c), at(0x44, 32, 0xf78f), at(0x40, 32, 0x03060700), ...frames.flat()],
    ...[at(0x38, 16, 0x0400), at(0x40, 32, 0x03000700), ...frames.flat(), at(0x3c, 16, 0xc07f)],
  ];
}

/** What a Cirrus's driver does: pixel format, cursor and its colours, a BLT that fills 8 bytes in 4 lines. */
function cirrusWrites(): PortAccess[] {
  const put = (port: number, registers: readonly (readonly [index: number, value: number])[]) =>
    registers.flatMap(([index, value]) => [out(port, index), out(port + 1, value)]);
  const hiddenDac = [
    read(0x3c8),
    ...[1, 2, 3, 4].map(() => read(0x3c6)),
    out(0x3c6, 0xc1),
    read(0x3c8),
    out(0x3c6, 0xff),
  ];
  const colour = [out(0x3c8, 0x0f), out(0x3c9, 0x15), out(0x3c9, 0x2a), out(0x3c9, 0x3f)];
  const blt = [
    [0x20, 7],
    [0x22, 3],
    [0x24, 80],
    [0x28, 0x40],
    [0x2a, 1],
    [0x30, 0xc0],
    [0x32, 0x0d],
    [0x33, 4],
  ] as const;
  return [
    ...put(0x3c4, [[0x06, 0x12], [0x07, 0x11], [0x70, 0x21], [0xd1, 0x13], [0x12, 0x03]]),
    ...colour,
    ...put(0x3c4, [[0x12, 0x01]]),
    ...colour,
    ...hiddenDac,
    ...put(0x3ce, [...blt, [0x31, 0x02], [0x31, 0x80], [0x2a, 2], [0x31, 0x04], [0x31, 0x00]]),
  ]; // prettier-ignore
}

/** IDENTIFY DEVICE to the disk, its data read: QEMU shows from there on what SET FEATURES set. What it leaves in the task file is written over. */
const identify: readonly PortAccess[] = [
  out(0x1f7, 0xec),
  ...Array<PortAccess>(256).fill({ direction: "in", port: 0x1f0, value: 0, width: 16 }),
  read(0x1f7),
  ...[0x1f2, 0x1f3, 0x1f4, 0x1f5].flatMap((port) => [out(port, 1), out(port, 1)]),
];

/** What a driver sets: transfer modes (PIO 4, multiword DMA 2, Ultra DMA 5 and 2), read look-ahead, blocks of 16 and 8 sectors, the geometry. */
const driveSettings = [0xa0, 0xb0].flatMap((device) => [
  out(0x1f6, device),
  ...[0x0c, 0x22, 0x45, 0x42].flatMap((mode) => [out(0x1f1, 0x03), out(0x1f2, mode), out(0x1f7, 0xef), read(0x1f7)]),
  ...[out(0x1f1, 0xaa), out(0x1f7, 0xef), read(0x1f7)],
  ...[16, 8].flatMap((sectors) => [out(0x1f2, sectors), out(0x1f7, 0xc6), read(0x1f7)]),
  ...[out(0x1f6, device | 0x0f), out(0x1f2, 63), out(0x1f7, 0x91), read(0x1f7)],
]);

/** Bytes that memory modules at the addresses of two of them tell of themselves. */
const memoryModules = [0xa1, 0xa3].flatMap((address) => [
  ...[out(0xb104, address), out(0xb103, address & 0x0f), out(0xb102, 0x48)],
  ...[read(0xb100), read(0xb100), out(0xb100, 0x1e)],
]);

/** What brings a device, by the device type's id, beyond what every board has; and its sections. */
const machines: Readonly<Record<string, DeviceEntry>> = {
  i8259: { sections: ["i8259"] },
  elcr: { sections: ["i8259"] },
  // What a counter does before its first control word is undefined (8254 datasheet, programming).
  i8254: {
    sections: ["i8254"],
    prefix: [
      out(0x43, 0x36),
      out(0x40, 0),
      out(0x40, 0),
      out(0x43, 0x54),
      out(0x41, 0x12),
      out(0x43, 0xb6),
      out(0x42, 0),
      out(0x42, 1),
    ],
  },
  port61: { sections: ["i8254", "pcspk"] },
  i8237: { sections: ["dma"] },
  "dma-page": { sections: ["dma"], absent: ["dma_high_page"] },
  mc146818: { sections: ["mc146818rtc"] },
  uart16550: {
    options: ["null", "null", "null", "null"].flatMap((backend) => ["-serial", backend]),
    sections: ["serial"],
    // A reset clears the modem control register (PC16550D datasheet, table I); QEMU's comes up with OUT2.
    prefix: [0x3fc, 0x2fc, 0x3ec, 0x2ec].map((port) => out(port, 0)),
  },
  ata: {
    options: [
      // Of a machine with a disk that is written to QEMU takes a snapshot where the disk takes one, too: as its own overlay does.
      ...["-drive", "file=null-co://,file.size=64M,file.read-zeroes=on,format=raw,snapshot=on,if=none,id=disk"],
      ...["-device", "ide-hd,drive=disk,bus=ide.0,unit=0"],
      ...["ide.0,unit=1", "ide.1"].flatMap((bus) => ["-device", `ide-cd,bus=${bus}`]),
    ],
    sections: ["*/ide"],
    prefix: identify,
    runs: () => driveSettings,
    // QEMU keeps two things in no snapshot: the disk's geometry, which is the one it was made with again, and where the last transfer was to go.
    settle: [
      ...[out(0x1f6, 0xaf), out(0x1f2, 63), out(0x1f7, 0x91)],
      ...[out(0x1f6, 0xa0), out(0x1f2, 0), out(0x1f3, 1), out(0x1f4, 0), out(0x1f5, 0), out(0x1f7, 0xec)],
    ],
  },
  floppy: {
    options: [
      ...["-blockdev", "driver=null-co,node-name=disk,size=1474560,read-zeroes=on,read-only=on"],
      ...["-device", "floppy,drive=disk"],
    ],
    sections: ["fdc"],
    // A software reset takes CONFIGURE back unless LOCK was given (82077AA datasheet, LOCK); QEMU's does not.
    prefix: [out(0x3f5, 0x94), read(0x3f5)],
  },
  ne2000: {
    options: ["-device", "ne2k_isa,iobase=0x300,irq=9", "-device", "ne2k_pci,mac=52:54:00:12:34:56,romfile="],
    sections: ["ne2000", "*/ne2000"],
    // Stopped after power-on (DP8390D datasheet, 11.0); QEMU's is neither stopped nor started.
    prefix: [0x300, FIRST_BASE].map((base) => out(base, 0x21)),
  },
  parallel: {
    options: ["-parallel", "null"],
    sections: ["parallel_isa"],
    // A reset clears both registers (FDC37C932 datasheet, Parallel Port); QEMU's come up as a BIOS leaves them.
    prefix: [out(0x378, 0), out(0x37a, 0)],
    absent: ["lpt2"],
  },
  sb16: { options: ["-audiodev", "none,id=sound", "-device", "sb16,audiodev=sound"], sections: ["sb16"] },
  apm: { sections: ["*/piix4_pm", "*/ICH9LPC"] },
  // QEMU's stands at the same ports whatever the guest writes.
  "piix4-smbus": { sections: ["*/piix4_pm"], runs: () => memoryModules, absent: ["smb"] },
  "qemu-hotplug": { sections: ["*/piix4_pm"] },
  i8042: {
    sections: ["pckbd", "ps2kbd", "ps2mouse"],
    // Keyboard lights: their subsection is in a snapshot only while one is on.
    settle: [out(0x60, 0xed), out(0x60, 0)],
    runs: () => [1, 2, 3].flatMap((set) => [out(0x60, 0xf0), read(0x60), out(0x60, set), read(0x60)]).concat(knocks),
  },
  port92: { sections: ["port92"] },
  pci: { sections: ["PCIHost", "PCIBUS", "*/I440FX", "*/PIIX3", "*/mch", "*/ICH9LPC"], runs: configurationWrites },
  acpi: { sections: ["*/piix4_pm", "*/ICH9LPC"], absent: ["pm_v86"] },
  "ich9-pm": { board: "q35", sections: ["*/ICH9LPC"] },
  "bus-master-ide": { sections: ["*/ide"] },
  pcnet: { options: ["-device", "pcnet,mac=52:54:00:12:34:56,romfile="], sections: ["*/pcnet"] },
  rtl8139: {
    options: ["-device", "rtl8139,mac=52:54:00:12:34:56,romfile="],
    sections: ["*/rtl8139"],
    runs: rtl8139Frames,
  },
  "virtio-pci": {
    options: ["-device", "virtio-net-pci,mac=52:54:00:12:34:56,romfile=,disable-modern=on"],
    sections: ["*/virtio-net"],
  },
  vga: { options: ["-device", "VGA,vgamem_mb=1"], sections: ["*/vga"], prefix: display },
  cirrus: { options: ["-device", "cirrus-vga"], sections: ["*/cirrus_vga"], prefix: display, runs: cirrusWrites },
  "bochs-vbe": { options: ["-device", "VGA,vgamem_mb=1"], sections: ["*/vga"] },
};

/**
 * The machine on which these devices are tried together: on the board asked for, or one that has them. A device type of which
 * nothing is said here is looked for on the plain board.
 */
export function qemuMachineFor(deviceIds: readonly string[], asked?: Board): QemuMachine {
  const known = deviceIds.map((id) => machines[id]).filter((one) => one !== undefined);
  const board = asked ?? known.find((one) => one.board !== undefined)?.board ?? BOARDS[0];
  const options = new Map(
    known.flatMap(({ options = [] }) => (options.length === 0 ? [] : [[options.join(" "), options]])),
  );
  return {
    command: [PROGRAM, "-machine", board, ...BARE, ...CLOCK, ...[...options.values()].flat()],
    sections: [...new Set(known.flatMap(({ sections }) => sections))],
    prefix: known.flatMap(({ prefix = [] }) => prefix),
    runs: known.flatMap(({ runs }) => runs?.(board) ?? []),
    settle: known.flatMap(({ settle = [] }) => settle),
    absent: known.flatMap(({ absent = [] }) => absent),
  };
}

/** Names of the state sections of a device type; none where nothing is said of it. */
export function sectionsOf(deviceId: string): readonly string[] {
  return machines[deviceId]?.sections ?? [];
}
