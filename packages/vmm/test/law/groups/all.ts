import type { DeviceGroup } from "../device-group.ts";
import { bochsVbe } from "./bochs-vbe.ts";
import { i8042 } from "./i8042.ts";
import { i8237 } from "./i8237.ts";
import { i8254 } from "./i8254.ts";
import { i8259 } from "./i8259.ts";
import { mc146818 } from "./mc146818.ts";
import { pci } from "./pci.ts";
import { port92 } from "./port92.ts";
import { together } from "./together.ts";
import { uart16550 } from "./uart16550.ts";
import { vga } from "./vga.ts";

/** The device groups that v86 can judge. */
export const deviceGroups: readonly DeviceGroup[] = [
  i8259,
  i8254,
  uart16550,
  mc146818,
  i8042,
  ...i8237,
  port92,
  pci,
  vga,
  bochsVbe,
];

/** One DMA controller only, because v86 gives both one flip-flop. */
export const chipset = together("the chipset's devices together", [
  i8259,
  i8254,
  uart16550,
  mc146818,
  i8042,
  ...i8237.slice(0, 1),
  port92,
]);
