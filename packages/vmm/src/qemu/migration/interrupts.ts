import type { BusyDevice } from "@portrait/replayer";
import type { QmpClient } from "../qmp.ts";

/** IRQ 0. */
const TIMER = 1;

/** Interrupts of a controller that ports cannot rebuild. */
export interface WaitingInterrupts extends BusyDevice {
  /** Nothing but the timer's, and that not in service. */
  readonly timer: boolean;
}

/** The interrupt controllers that have one in service, or one pending that is not masked. @throws QemuError */
export async function waitingInterrupts(qmp: QmpClient): Promise<readonly WaitingInterrupts[]> {
  const text = await qmp.monitor("info pic");
  const pics = [...text.matchAll(/^pic(\d): irr=([0-9a-f]{2}) imr=([0-9a-f]{2}) isr=([0-9a-f]{2})/gm)];
  return pics.flatMap(([, number, ...registers]) => {
    const [pending = 0, masked = 0, inService = 0] = registers.map((digits) => parseInt(digits, 16));
    const open = pending & ~masked;
    if (inService === 0 && open === 0) return [];
    const why = inService === 0 ? "an interrupt is pending" : "an interrupt is in service";
    return [{ device: `pic${Number(number) + 1}`, why, timer: number === "0" && inService === 0 && open === TIMER }];
  });
}
