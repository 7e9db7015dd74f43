import { setTimeout as sleep } from "node:timers/promises";
import type { BusyDevice } from "@portrait/replayer";
import type { Look, Stops } from "../../machine.ts";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";
import { interruptsOf } from "./interrupts.ts";
import { runState } from "./status.ts";

/** Run state from when QEMU's own migration begins to stop a guest. */
const STOPPED_BY_QEMU = "finish-migrate";
/** Stops after which a guest that was never quiet is given up. */
const STOP_LIMIT = 50;
/** How many times as long as before a guest goes on until it is stopped again. */
const LONGER = 1.08;

/** How a guest stands still. */
export interface Stillness {
  /** What is under way that ports cannot rebuild. */
  readonly busy: readonly BusyDevice[];
  /** The interrupts that are pending at its controllers. */
  readonly pending: readonly number[];
}

/** A stop at which nothing was busy. */
export interface QuietStop {
  /** When it was, as `performance.now()` gives it. */
  readonly at: number;
  /** The interrupts that a plan is to make pending again. */
  readonly pending: readonly number[];
}

/**
 * Stops a running guest where ports can rebuild it: in no interrupt, and with nothing busy that `look` sees. Until it is found
 * so it goes on for some milliseconds, each time for longer because what came in meanwhile is to be served as well, and is stopped
 * again. The stops are counted in `tally`, but not one after which the guest cannot be let go on.
 * @throws QemuError BUSY naming the devices that were never quiet; COMMAND where QEMU's own migration stops the guest, or has stopped it, meanwhile: once it
 * is in `pre-switchover`, the guest does not run any more; what `look` throws. The guest is stopped then.
 */
export async function stopQuietly(qmp: QmpClient, look: Look, tally: Tally): Promise<QuietStop> {
  for (let times = 1; ; times++) {
    const at = performance.now();
    const stopping = stop(qmp);
    const stoppedLook: Look = (pending) => stopping.then(() => look(pending));
    const [{ busy, pending }] = await Promise.all([stillness(qmp, stoppedLook), stopping]);
    const last = times === STOP_LIMIT;
    if (busy.length > 0 && !last) await qmp.execute("cont");
    tally.add(busy);
    if (busy.length === 0) return { at, pending };
    if (last) throw neverQuiet(qmp, tally.stops);
    await sleep((1 + 4 * Math.random()) * LONGER ** times);
  }
}

async function stop(qmp: QmpClient): Promise<void> {
  const [, state] = await Promise.all([qmp.execute("stop"), runState(qmp)]);
  // QEMU answers at once where its own migration is stopping the guest, which may still be running then.
  if (state === STOPPED_BY_QEMU) throw new QemuError("COMMAND", `${qmp.path}: QEMU stops the guest by itself`);
}

/**
 * Makes sure that a guest that stands still already, and not by us, can be taken as it is. Gives the interrupts that a plan is to make pending again.
 * @throws QemuError BUSY naming the devices that are busy; what `look` throws
 */
export async function expectQuiet(qmp: QmpClient, look: Look): Promise<readonly number[]> {
  const { busy, pending } = await stillness(qmp, look);
  if (busy.length === 0) return pending;
  const devices = busy.map(({ device, why }) => `${device} (${why})`).join(", ");
  throw new QemuError(
    "BUSY",
    `${qmp.path}: the guest is paused, and ports cannot rebuild what is under way: ${devices}; let it run and try again`,
  );
}

/** How a guest stands still, or will by the time QEMU is asked. @throws QemuError; what `look` throws */
export async function stillness(qmp: QmpClient, look: Look): Promise<Stillness> {
  const { inService, pending } = await interruptsOf(qmp);
  return { busy: inService.length > 0 ? inService : await look(pending), pending };
}

/** Counts stops, and what was busy at them. */
export class Tally {
  #count = 0;
  readonly #busy = new Map<string, BusyDevice & { times: number }>();

  get stops(): Stops {
    return { count: this.#count, busy: [...this.#busy.values()] };
  }

  add(busy: readonly BusyDevice[]): void {
    this.#count++;
    for (const { device, why } of busy) {
      const key = `${device}: ${why}`;
      const { times } = this.#busy.get(key) ?? { times: 0 };
      this.#busy.set(key, { device, why, times: times + 1 });
    }
  }
}

function neverQuiet({ path }: QmpClient, { count, busy }: Stops): QemuError {
  const devices = busy.map(({ device, why, times }) => `${device} at ${times} (${why})`).join(", ");
  return new QemuError(
    "BUSY",
    `${path}: the guest was stopped ${count} times, and each time something was under way that ports cannot rebuild: ${devices}; try ` +
      "again when it has less to do",
  );
}
