import { setTimeout as sleep } from "node:timers/promises";
import type { QmpClient } from "../qmp.ts";

/** Stops after which one that is not between interrupts is taken. */
const STOP_LIMIT = 50;
/** IRQ 0. */
const TIMER = 1;

/** Stops a running guest. Gives whether it is between two interrupts: what is in service or pending ports cannot rebuild. @throws QemuError */
async function stop(qmp: QmpClient): Promise<boolean> {
  const [, quiet] = await Promise.all([qmp.execute("stop"), isQuiet(qmp)]);
  return quiet;
}

/** A guest that was stopped. */
export interface Stopped {
  /** When, as `performance.now()` gives it. */
  readonly stoppedAt: number;
  /** False where 50 stops found none between two interrupts, and the last of them was taken. */
  readonly quiet: boolean;
}

/**
 * Stops a running guest, between two interrupts if it can be.
 * @throws QemuError; what `cont` refuses where QEMU's own migration has stopped the guest meanwhile
 */
export async function stopQuietly(qmp: QmpClient): Promise<Stopped> {
  for (let tries = 1; ; tries++) {
    const stoppedAt = performance.now();
    const quiet = await stop(qmp);
    if (quiet || tries === STOP_LIMIT) return { stoppedAt, quiet };
    await qmp.execute("cont");
    await sleep(1 + 4 * Math.random());
  }
}

/** True when no interrupt is in service, and none pending that is not masked. @throws QemuError */
function isQuiet(qmp: QmpClient): Promise<boolean> {
  return noneWaits(qmp, 0);
}

/**
 * As {@link isQuiet}, but the timer's may be pending: its counter begins anew and asks again within one period.
 * @throws QemuError
 */
export function isQuietButTimer(qmp: QmpClient): Promise<boolean> {
  return noneWaits(qmp, TIMER);
}

async function noneWaits(qmp: QmpClient, besides: number): Promise<boolean> {
  const text = await qmp.monitor("info pic");
  const pics = [...text.matchAll(/^pic(\d): irr=([0-9a-f]{2}) imr=([0-9a-f]{2}) isr=([0-9a-f]{2})/gm)];
  return pics.every(([, pic, irr, imr, isr]) => {
    const [pending, masked, inService] = [irr, imr, isr].map((digits) => parseInt(digits ?? "0", 16));
    return inService === 0 && ((pending ?? 0) & ~(masked ?? 0) & ~(pic === "0" ? besides : 0)) === 0;
  });
}
