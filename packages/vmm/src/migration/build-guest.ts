import type { Classifier, Instance, Library } from "@portrait/classifier";
import { carryOut, resetSteps, type Plan } from "@portrait/replayer";
import { messageOf } from "@portrait/tracer";
import type { GuestTarget, Machine } from "../machine.ts";
import { allowancesFor } from "./compare-devices.ts";
import { comparePairs } from "./compare-pairs.ts";
import { MigrationError } from "./errors.ts";
import { classifierAfter, type WatchedGuest } from "./guest.ts";
import type { DestinationResult } from "./handshake.ts";
import type { ImageHello, ImageReader } from "./image.ts";

/** Makes a stopped machine for a guest: same engine and memory size. */
export type MachineFactory<M extends GuestTarget = Machine> = (hello: ImageHello) => Promise<M>;

/** A guest built on a machine, stopped. */
export interface BuiltGuest<M extends GuestTarget = Machine> extends WatchedGuest<M> {
  readonly result: DestinationResult;
}

/**
 * Puts CPU and memory on a machine, carries the plan out, and compares the device state with the source's. The devices of
 * a machine on which something ran before are first brought to what power-on leaves.
 */
export async function buildGuest<M extends GuestTarget>(
  machine: M,
  hello: ImageHello,
  image: ImageReader,
  library: Library,
): Promise<BuiltGuest<M>> {
  const allowances = allowancesFor(library, machine.engine, machine.deviations, "guest");
  if (hello.runs) comparePairs(machine.rehearse?.() ?? [], allowances);
  // The source's dump is read while the machine still takes the body over.
  const arriving = image.devices().then(({ plan, dump }) => ({ plan, ownBeside: machine.readDump(dump) }));
  arriving.catch(() => undefined);
  await restoreBody(machine, image);
  const { plan, ownBeside } = await arriving;
  const start = performance.now();
  if (machine.accessCount > 0) await carryOut(resetSteps(concerned(plan, library)), machine.ports);
  const { drained } = await carryOut(plan.steps, machine.ports);
  const replayMs = performance.now() - start;
  const irqs = plan.interrupts.map(({ irq }) => irq);
  const comparison = comparePairs(await ownBeside(), [...(machine.pendingFields?.(irqs) ?? []), ...allowances]);
  let classifier: Classifier | undefined;
  return {
    machine,
    name: hello.guest,
    result: { comparison, replayMs, drained },
    // Made when it is asked for: the guest stands still until the source has the result.
    get classifier() {
      classifier ??= classifierAfter(plan, library);
      return classifier;
    },
  };
}

async function restoreBody(machine: GuestTarget, image: ImageReader): Promise<void> {
  try {
    await machine.restore(image.body());
  } catch (cause) {
    if (cause instanceof MigrationError) throw cause;
    throw new MigrationError("FORMAT", `the machine cannot take CPU and memory: ${messageOf(cause)}`, { cause });
  }
}

/** The devices every machine has, and those the plan is for. */
function concerned(plan: Plan, library: Library): Instance[] {
  const named = new Set(plan.steps.map(({ device }) => device));
  return library.instances.filter(({ always, name }) => always || named.has(name));
}
