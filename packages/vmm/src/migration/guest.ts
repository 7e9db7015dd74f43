import { Classifier, type Library } from "@portrait/classifier";
import {
  busyDevices,
  interruptsToRepeat,
  makePlan,
  readSource,
  verifyTarget,
  type BusyDevice,
  type PendingInterrupt,
  type Plan,
  type PlanStep,
  type PortTarget,
  type SourceRead,
} from "@portrait/replayer";
import { BatchBuilder, opOf } from "@portrait/tracer";
import type { GuestSource, LiveSource, Machine } from "../machine.ts";
import { MigrationError } from "./errors.ts";

/** Registers of a device that a message names. */
const SHOWN = 4;

/** A machine and what has been seen of its guest: the two things a migration needs of a source. */
export interface WatchedGuest<M = Machine> {
  readonly machine: M;
  readonly classifier: Classifier;
  /** What runs on it, for people. */
  readonly name: string;
  /** Regions of registers, by the engine's names, that it has reached through memory so far: nothing of them is known. */
  memoryMapped?(): readonly string[];
}

/** A guest that runs until most of its memory has left. */
export interface LiveGuest extends WatchedGuest<LiveSource> {
  /** Gives the classifier everything the guest has done; called each time it was stopped. */
  catchUp(): Promise<void>;
}

/**
 * Looks at a guest that was just stopped, with these interrupts pending: what is under way in it that no plan brings back. Its classifier then knows all
 * it did.
 */
export async function lookAtStopped(guest: LookedAt, irqs: readonly number[]): Promise<readonly BusyDevice[]> {
  await guest.catchUp();
  return busyDevices(guest.classifier, guest.machine.ports, "guest", irqs);
}

type LookedAt = Pick<LiveGuest, "classifier" | "catchUp"> & { readonly machine: Pick<GuestSource, "ports"> };

/** What was read of a stopped guest. */
export interface GuestReads {
  /** Registers that were read; what the trace does not tell of them, and what moved by itself, is taken as read. */
  readonly readBack: readonly SourceRead[];
  /** The interrupts that its plan is to make pending again. */
  readonly interrupts: readonly PendingInterrupt[];
}

/** The plan for a stopped guest, after its readable registers were read. */
export interface GuestPlan extends Pick<GuestReads, "readBack"> {
  readonly plan: Plan;
}

/** Whether a plan is good that leaves registers out. */
export interface PlanOptions {
  readonly allowUnknown: boolean;
}

/**
 * Reads the stopped guest's readable registers and makes its plan.
 * @throws MigrationError UNKNOWN_STATE naming the registers nobody knows, unless `allowUnknown`.
 */
export async function planFor(guest: WatchedGuest<GuestSource>, options: PlanOptions): Promise<GuestPlan> {
  const reads = await readRegisters(guest);
  return { plan: planKnown(guest, reads, options), readBack: reads.readBack };
}

/** Reads the stopped guest's readable registers. */
export async function readRegisters({ classifier, machine }: WatchedGuest<GuestSource>): Promise<GuestReads> {
  const interrupts = await interruptsToRepeat(classifier, machine.ports, machine.pending ?? []);
  return { interrupts, readBack: await readSource(classifier, machine.ports) };
}

/**
 * Makes the plan for a guest of which everything is known that will be.
 * @throws MigrationError UNKNOWN_STATE naming the registers nobody knows, unless `allowUnknown`.
 */
export function planKnown(
  { classifier }: WatchedGuest<GuestSource>,
  { interrupts }: Pick<GuestReads, "interrupts">,
  { allowUnknown }: PlanOptions,
): Plan {
  const plan = makePlan(classifier, interrupts);
  if (plan.unknown.length > 0 && !allowUnknown) throw unknownState(plan);
  return plan;
}

/** Interrupts that a rehearsed guest may have pending: the timer's can be made so again without a machine's answer. */
const REHEARSED = [0];

/** How often what will be done while the guest stands still is done before: by then the code is as fast as it gets. */
const REHEARSALS = 16;

/** A machine that is not there. */
const NOBODY: PortTarget = {
  name: "nobody",
  perform: (operations) => Promise.resolve(operations.map(() => 0)),
};

/**
 * Does without a machine what {@link planFor} will do, and gives the plan as far as it can be known: code that runs for the first time takes many
 * times as long, here and at the destination, and the guest will stand still meanwhile.
 */
export async function rehearsePlan(classifier: Classifier): Promise<Plan> {
  for (let i = 0; i < REHEARSALS; i++) {
    await busyDevices(classifier, NOBODY, "guest", REHEARSED);
    await verifyTarget(classifier, NOBODY);
    makePlan(classifier, await interruptsToRepeat(classifier, NOBODY, REHEARSED));
  }
  return makePlan(classifier);
}

function unknownState(plan: Plan): MigrationError {
  const devices = [...new Set(plan.unknown.map(({ device }) => device))];
  const shown = devices.map((device) => {
    const registers = plan.unknown.filter((one) => one.device === device).map(({ register }) => register);
    const more = registers.length > SHOWN ? `, and ${registers.length - SHOWN} more` : "";
    return `${device} (${registers.slice(0, SHOWN).join(", ")}${more})`;
  });
  return new MigrationError(
    "UNKNOWN_STATE",
    `the state of ${plan.unknown.length} registers is not known: ${shown.join("; ")}. The first, because: ` +
      `${plan.unknown[0]?.reason ?? ""}. Record from the guest's power-on, or go on without them with --allow-unknown`,
  );
}

/**
 * A classifier that knows what a plan's steps establish: the knowledge of the guest after it was moved. The steps have
 * negative numbers, because the new machine's first access, number 0, comes after them.
 */
export function classifierAfter(plan: Plan, library: Library): Classifier {
  const classifier = new Classifier(library, { fromReset: plan.unknown.length === 0 });
  const builder = new BatchBuilder((batch) => classifier.feed(batch), { firstSeq: -plan.steps.length });
  for (const step of plan.steps) pushStep(builder, step);
  builder.flush();
  return classifier;
}

/** A plan's step as an access. A drain ends with its status register saying that nothing waits. */
function pushStep(builder: BatchBuilder, step: PlanStep): void {
  switch (step.op) {
    case "out":
      builder.push(0, step.port, opOf("out", step.width), step.value);
      return;
    case "in":
      builder.push(0, step.port, opOf("in", step.width), step.expect?.value ?? 0);
      return;
    case "drain":
      builder.push(0, step.status, opOf("in", 8), 0);
      return;
  }
}
