/** A QEMU machine for devices to be tried on. */
export interface QemuMachine {
  /** Command line without what a bench adds. */
  readonly command: readonly string[];
  /** Names of the sections of its state that are the device's; `*` stands for any run of characters. */
  readonly sections: readonly string[];
}

const PROGRAM = "qemu-system-i386";
/** Nothing that the board does not have by itself, and a clock that stands still with the guest. */
const BOARD = ["-machine", "pc", "-nodefaults", "-display", "none", "-m", "1"];
const CLOCK = ["-rtc", "base=2020-01-01T00:00:00,clock=vm"];

/** What brings a device, by the device type's id, beyond what every board has; and its sections. */
const machines: Readonly<
  Record<string, { readonly options?: readonly string[]; readonly sections: readonly string[] }>
> = {
  i8259: { sections: ["i8259"] },
  elcr: { sections: ["i8259"] },
  i8254: { sections: ["i8254"] },
  port61: { sections: ["i8254", "pcspk"] },
  i8237: { sections: ["dma"] },
  "dma-page": { sections: ["dma"] },
  mc146818: { sections: ["mc146818rtc"] },
  uart16550: {
    options: ["null", "null", "null", "null"].flatMap((backend) => ["-serial", backend]),
    sections: ["serial"],
  },
  i8042: { sections: ["pckbd", "ps2kbd", "ps2mouse"] },
  port92: { sections: ["port92"] },
  pci: { sections: ["PCIHost", "PCIBUS", "*/I440FX", "*/PIIX3"] },
  vga: { options: ["-device", "VGA,vgamem_mb=1"], sections: ["*/vga"] },
  "bochs-vbe": { options: ["-device", "VGA,vgamem_mb=1"], sections: ["*/vga"] },
};

/** The machine on which these devices are tried together. A device type of which nothing is said here is looked for on the plain board. */
export function qemuMachineFor(deviceIds: readonly string[]): QemuMachine {
  const known = deviceIds.map((id) => machines[id]).filter((one) => one !== undefined);
  const options = new Map(
    known.flatMap(({ options = [] }) => (options.length === 0 ? [] : [[options.join(" "), options]])),
  );
  return {
    command: [PROGRAM, ...BOARD, ...CLOCK, ...[...options.values()].flat()],
    sections: [...new Set(known.flatMap(({ sections }) => sections))],
  };
}

/** Names of the state sections of a device type; none where nothing is said of it. */
export function sectionsOf(deviceId: string): readonly string[] {
  return machines[deviceId]?.sections ?? [];
}
