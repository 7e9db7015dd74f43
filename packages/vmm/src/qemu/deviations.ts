import type { FieldAllowance } from "../machine.ts";

/** Fields of QEMU's dump that a right plan leaves different, because only QEMU has them or does not do what the hardware does. */
export const qemuDeviations: readonly FieldAllowance[] = [
  {
    path: "pckbd[0].kbd.status",
    mask: 0x04,
    why: "the system flag follows the command byte; QEMU sets it by the controller's self-test alone, which a plan does not repeat",
  },
  {
    path: "mc146818rtc[0].cmos_data[10]",
    mask: 0x80,
    why: "update in progress: the clock's own, and QEMU keeps what it was when register A was last read",
  },
  {
    path: "kvm-tpr-opt[0].*",
    why: "how far QEMU's own option ROM got with patching accesses to the task priority, which no guest sees",
  },
  {
    path: "globalstate[0].*",
    why: "the run state that QEMU found its guest in: it may have stopped a running one, the destination's stands still until it is let go",
  },
  {
    path: "acpi_build[0].patched",
    why: "whether QEMU has brought its ACPI tables up to date, which it does again when firmware asks for them",
  },
];
