import type { Classifier } from "@portrait/classifier";
import { Navigator, UnreachableError } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";

/** A device that is busy with what no plan brings back. */
export interface BusyDevice {
  readonly device: string;
  readonly why: string;
}

/**
 * The devices the guest has used that are not quiet, as their descriptions say. The machine must be stopped; its selectors are
 * left as they were.
 */
export async function busyDevices(classifier: Classifier, target: PortTarget): Promise<BusyDevice[]> {
  const steps: PlanStep[] = [];
  const looks: { step: number; mask: number; device: string; why: string }[] = [];
  for (const state of classifier.states) {
    const { name, device } = state.instance;
    if (!state.touched || device.quiet.length === 0) continue;
    const navigator = new Navigator(state, steps, "source");
    for (const { read, mask, why } of device.quiet) {
      const before = steps.length;
      try {
        looks.push({ step: navigator.read(read, [], `sees whether ${name} is quiet`), mask, device: name, why });
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        steps.length = before;
      }
    }
    navigator.leave(state.selectors);
  }
  const { values } = await carryOut(steps, target);
  return looks.flatMap(({ step, mask, device, why }) =>
    ((values.get(step) ?? 0) & mask) === 0 ? [] : [{ device, why }],
  );
}
