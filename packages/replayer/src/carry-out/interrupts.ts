import type { Classifier, InstanceState, Interrupt } from "@portrait/classifier";
import { Navigator } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";
import { readAndLeave } from "./looks.ts";

/** An interrupt that is pending, and how a plan makes it so again. */
export interface PendingInterrupt {
  readonly irq: number;
  /** The device that asks for it. */
  readonly state: InstanceState;
  readonly interrupt: Interrupt;
  /** Others on its line that change as it asks, and how they are brought back. */
  readonly alongside: readonly Way[];
}

/** What is done to a device so that its line is asked on again. */
type Way = Pick<PendingInterrupt, "state" | "interrupt">;

/** What the reads of a look say. */
type Read = ReadonlyMap<number, number>;

/**
 * Of the interrupts that are pending at a stopped machine's controllers, those that a plan can make pending again in the state their devices are
 * in. The machine's selectors are left as they were.
 */
export async function interruptsToRepeat(
  classifier: Classifier,
  target: PortTarget,
  irqs: readonly number[],
): Promise<readonly PendingInterrupt[]> {
  const steps: PlanStep[] = [];
  const repeatable = lookAtInterrupts(classifier, irqs, steps);
  const { values } = await carryOut(steps, target);
  return repeatable(values);
}

/**
 * Takes the reads that tell which of these interrupts can be made pending again; what it gives finds them in what was read. Where several devices
 * on one line say of themselves that they can ask, nobody knows which one did.
 */
export function lookAtInterrupts(
  classifier: Classifier,
  irqs: readonly number[],
  steps: PlanStep[],
): (read: Read) => PendingInterrupt[] {
  const looks = irqs.map((irq) => {
    const asking = classifier.states.filter(({ touched, instance }) => touched && instance.irq === irq);
    return { irq, devices: asking.map((state) => lookAtOne(irq, state, steps)) };
  });
  return (read) =>
    looks.flatMap(({ irq, devices }) => {
      const found = devices.flatMap((way) => way(read) ?? []);
      const [one, ...more] = found.filter(({ interrupt }) => interrupt.steps.length > 0);
      if (one === undefined || more.length > 0) return [];
      return { irq, ...one, alongside: found.filter(({ interrupt }) => interrupt.steps.length === 0) };
    });
}

/** Takes the reads that tell which way to make a device's interrupt pending again fits it. */
function lookAtOne(irq: number, state: InstanceState, steps: PlanStep[]): (read: Read) => Way | undefined {
  const navigator = new Navigator(state, steps, "source");
  const why = `sees what is to become of ${state.instance.name} when IRQ ${irq} is asked for again`;
  const ways = state.instance.device.interrupts.flatMap((interrupt) => {
    if (state.holds(interrupt.guards) !== true) return [];
    const registers = interrupt.shows.map(({ read }) => read);
    const positions = readAndLeave(registers, state, navigator, why);
    return positions === undefined ? [] : [{ interrupt, positions }];
  });
  return (read) => {
    const fitting = ways.find(({ interrupt, positions }) =>
      interrupt.shows.every(({ mask, is }, i) => ((read.get(positions[i] ?? -1) ?? 0) & mask) >>> 0 === is),
    );
    return fitting && { state, interrupt: fitting.interrupt };
  };
}
