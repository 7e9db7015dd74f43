import type { PlanStep } from "@portrait/replayer";

const SERIAL_PORTS = [0x3f8, 0x2f8, 0x3e8, 0x2e8];

/**
 * Writes of a plan that a machine must never see repeated, with what each would do. Written from the datasheets and not
 * from the descriptions: it follows the few selectors that decide (LCR.DLAB, the 8042's last command) by itself.
 */
export function dangerousWrites(steps: readonly PlanStep[]): string[] {
  const found: string[] = [];
  const dlab = new Map<number, boolean>();
  let command = 0;
  for (const step of steps) {
    if (step.op !== "out") continue;
    const { port, value } = step;
    const danger = dangerOf(port, value, { dlab, command });
    if (danger !== undefined) found.push(`OUT ${port.toString(16)}h, ${value.toString(16)}h: ${danger}`);
    if (port === 0x64) command = value;
    else if (port === 0x60) command = 0;
    const uart = SERIAL_PORTS.find((base) => port === base + 3);
    if (uart !== undefined) dlab.set(uart, (value & 0x80) !== 0);
  }
  return found;
}

function dangerOf(
  port: number,
  value: number,
  { dlab, command }: { readonly dlab: ReadonlyMap<number, boolean>; readonly command: number },
): string | undefined {
  if (SERIAL_PORTS.includes(port) && dlab.get(port) !== true) return "THR transmits";
  switch (port) {
    case 0x20:
    case 0xa0:
      return (value & 0x18) === 0 && (value & 0x20) !== 0 ? "ends an interrupt" : undefined;
    case 0x09:
    case 0xd2:
      return (value & 0x04) !== 0 ? "requests a DMA transfer" : undefined;
    case 0x60:
      if (command === 0xd1 && (value & 1) === 0) return "the output port's bit 0 resets the machine";
      return command === 0 && value === 0xff ? "resets the keyboard" : undefined;
    case 0x64:
      if (value >= 0xf0 && value !== 0xff) return "pulses output lines; FEh resets the machine";
      return value === 0xaa ? "the self-test resets the controller" : undefined;
    case 0x92:
      return (value & 1) !== 0 ? "resets the CPU" : undefined;
    case 0x170 + 7:
    case 0x1f0 + 7:
      return "an ATA command";
    case 0x376:
    case 0x3f6:
      return (value & 4) !== 0 ? "resets the disks" : undefined;
    case 0x27a:
    case 0x37a:
      return (value & 1) !== 0 ? "the strobe prints" : undefined;
    case 0x3f4:
      return (value & 0x80) !== 0 ? "resets the floppy controller" : undefined;
    case 0x3f5:
      return "a floppy command";
    case 0x604:
    case 0xb004:
      return (value & 0x2000) !== 0 ? "SLP_EN sleeps" : undefined;
    case 0x605:
    case 0xb005:
      return (value & 0x20) !== 0 ? "SLP_EN sleeps" : undefined;
    case 0xb2:
      return "runs firmware";
    case 0xcf9:
      return "resets the machine";
    case 0xe9:
    case 0x402:
      return "prints";
    case 0xf1:
      return "resets the coprocessor";
    default:
      return undefined;
  }
}
