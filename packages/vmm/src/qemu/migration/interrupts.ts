import type { BusyDevice } from "@portrait/replayer";
import type { FieldAllowance } from "../../machine.ts";
import type { QmpClient } from "../qmp.ts";

/** Lines of one controller. */
const LINES = 8;
/** The first controller's line on which the second one asks. */
const CASCADE = 2;

/** What the interrupt controllers have under way. */
export interface Interrupts {
  /** Controllers that have an interrupt in service, which ports cannot rebuild. */
  readonly inService: readonly BusyDevice[];
  /** Interrupts that are pending and not masked. */
  readonly pending: readonly number[];
}

/** Asks QEMU what its interrupt controllers have under way. @throws QemuError */
export async function interruptsOf(qmp: Pick<QmpClient, "monitor">): Promise<Interrupts> {
  const text = await qmp.monitor("info pic");
  const pics = [...text.matchAll(/^pic(\d): irr=([0-9a-f]{2}) imr=([0-9a-f]{2}) isr=([0-9a-f]{2})/gm)].map(
    ([, number, ...registers]) => {
      const [requested = 0, masked = 0, inService = 0] = registers.map((digits) => parseInt(digits, 16));
      return { number: Number(number), open: requested & ~masked, inService };
    },
  );
  const lines = pics.flatMap(({ number, open }) =>
    Array.from({ length: LINES }, (_, line) => line)
      .filter((line) => ((open >>> line) & 1) !== 0)
      .map((line) => number * LINES + line),
  );
  const second = lines.some((line) => line >= LINES);
  return {
    inService: pics
      .filter(({ inService }) => inService !== 0)
      .map(({ number }) => ({ device: `pic${number + 1}`, why: "an interrupt is in service" })),
    // The second controller's request goes with those that it has.
    pending: lines.filter((line) => !(second && line === CASCADE)).sort((a, b) => a - b),
  };
}

/** The controllers' request bits of these interrupts, which must be as at the source where a plan has made them pending again. */
export function requestBits(irqs: readonly number[]): FieldAllowance[] {
  const second = irqs.filter((irq) => irq >= LINES);
  const lines = [[...irqs.filter((irq) => irq < LINES), ...second.slice(0, 1).map(() => CASCADE)], second];
  return lines.map((own, number) => ({
    path: `i8259[${number}].irr`,
    mask: own.reduce((bits, line) => bits | (1 << (line % LINES)), 0),
    needed: true,
    why: `IRQ ${irqs.join(", ")} was pending at the source, and the plan was to make it so again`,
  }));
}
