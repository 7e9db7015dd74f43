import type { PlanStep } from "@portrait/replayer";

const SERIAL_PORTS = [0x3f8, 0x2f8, 0x3e8, 0x2e8];

/** ATA commands that set parameters or tell of the drive, and touch no medium (ATA-6, annex on commands). */
const HARMLESS_ATA = new Set([0x91, 0xa1, 0xc6, 0xe5, 0xec, 0xef]);

/** Floppy commands that set parameters or tell of the controller, with their parameter bytes (Intel 82077AA datasheet, table 5-1). */
const HARMLESS_FLOPPY = new Map([
  [0x03, 2],
  [0x08, 0],
  [0x0e, 0],
  [0x10, 0],
  [0x12, 1],
  [0x13, 3],
  [0x14, 0],
  [0x94, 0],
]);

/** What decides whether a later write is dangerous. */
interface Before {
  /** By UART. */
  readonly dlab: Map<number, boolean>;
  /** The 8042's command that waits for its parameter; 0: none. */
  command: number;
  /** Parameter bytes that the floppy controller waits for. */
  parameters: number;
  /** PCI configuration register that CONFADD names. */
  register: number;
  /** Where configuration registers 40h have put ports: PIIX4's PMBA and ICH9's PMBASE stand there. */
  readonly pmBases: Set<number>;
  /** Graphics controller register that 3CEh names. */
  graphics: number;
  /** GR31.AUTOSTART of a Cirrus. */
  autostart: boolean;
}

/**
 * Writes of a plan that a machine must never see repeated, with what each would do. Written from the datasheets and not
 * from the descriptions: it follows the few selectors that decide (LCR.DLAB, the last command of 8042 and floppy controller, the index of a display) by itself,
 * and where power management was put.
 */
export function dangerousWrites(steps: readonly PlanStep[]): string[] {
  const found: string[] = [];
  const before: Before = {
    dlab: new Map(),
    command: 0,
    parameters: 0,
    register: 0,
    pmBases: new Set(),
    graphics: 0,
    autostart: false,
  };
  for (const step of steps) {
    if (step.op !== "out") continue;
    const { port, value } = step;
    const danger = dangerOf(port, value, before);
    if (danger !== undefined) found.push(`OUT ${port.toString(16)}h, ${value.toString(16)}h: ${danger}`);
    if (port === 0x64) before.command = value;
    else if (port === 0x60) before.command = 0;
    else if (port === 0x3f5)
      before.parameters = before.parameters > 0 ? before.parameters - 1 : (HARMLESS_FLOPPY.get(value) ?? 0);
    else if (port === 0x3f2 && (value & 4) === 0) before.parameters = 0;
    else if (port === 0xcf8) before.register = value & 0xff;
    else if (port === 0xcfc && before.register === 0x40) before.pmBases.add(value & 0xffc0);
    else if (port === 0x3ce) before.graphics = value;
    else if (port === 0x3cf && before.graphics === 0x31) before.autostart = (value & 0x80) !== 0;
    const uart = SERIAL_PORTS.find((base) => port === base + 3);
    if (uart !== undefined) before.dlab.set(uart, (value & 0x80) !== 0);
  }
  return found;
}

function dangerOf(port: number, value: number, before: Before): string | undefined {
  const { dlab, command, parameters, pmBases } = before;
  for (const base of pmBases) {
    const danger = powerDanger(port - base, value);
    if (danger !== undefined) return danger;
  }
  if (SERIAL_PORTS.includes(port) && dlab.get(port) !== true) return "THR transmits";
  if (SERIAL_PORTS.includes(port - 2) && (value & 6) !== 0) return "FCR flushes the FIFOs";
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
      return HARMLESS_ATA.has(value) ? undefined : "an ATA command that may touch the medium";
    case 0x300:
      return (value & 4) !== 0 ? "TXP transmits" : undefined;
    case 0x376:
    case 0x3f6:
      return (value & 4) !== 0 ? "resets the disks" : undefined;
    case 0x27a:
    case 0x37a:
      return (value & 1) !== 0 ? "the strobe prints" : undefined;
    case 0x3cf:
      return startsBlt(value, before) ? "starts a BLT" : undefined;
    case 0x3f4:
      return (value & 0x80) !== 0 ? "resets the floppy controller" : undefined;
    case 0x3f5:
      return parameters > 0 || HARMLESS_FLOPPY.has(value) ? undefined : "a floppy command that may touch the medium";
    case 0x604:
    case 0x605:
      return powerDanger(port - 0x600, value);
    case 0xb004:
    case 0xb005:
      return powerDanger(port - 0xb000, value);
    case 0x702:
    case 0xb102:
      return (value & 0x40) !== 0 ? "an SMBus transaction may write a memory module's EEPROM" : undefined;
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

/** True for GR31.START, and for GR2A while GR31.AUTOSTART is on (CL-GD5446 manual, BLT Start/Status). */
function startsBlt(value: number, { graphics, autostart }: Before): boolean {
  return (graphics === 0x31 && (value & 2) !== 0) || (graphics === 0x2a && autostart);
}

/** What a write does at an offset from the base of power management. */
function powerDanger(offset: number, value: number): string | undefined {
  switch (offset) {
    case 0x04:
      if ((value & 0x04) !== 0) return "GBL_RLS interrupts the firmware";
      return (value & 0x2000) !== 0 ? "SLP_EN sleeps" : undefined;
    case 0x05:
      return (value & 0x20) !== 0 ? "SLP_EN sleeps" : undefined;
    case 0x62:
      return "TCO_DAT_IN runs firmware";
    default:
      return undefined;
  }
}
