import { heldValue, type Classifier, type InstanceState } from "@portrait/classifier";
import { Navigator, UnreachableError } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";
import { missing, probe, type Probes } from "./presence.ts";

/** A device that is busy with what no plan brings back. */
export interface BusyDevice {
  readonly device: string;
  readonly why: string;
}

/** A read that shows whether a device is busy: bits that are 1 then. */
interface QuietRead {
  readonly state: InstanceState;
  /** Position of the step. */
  readonly step: number;
  readonly mask: number;
  readonly why: string;
}

/**
 * The devices the guest has used that are not quiet, as their descriptions say; none that is not there. The machine must be
 * stopped; its selectors are left as they were.
 */
export async function busyDevices(classifier: Classifier, target: PortTarget): Promise<BusyDevice[]> {
  const steps: PlanStep[] = [];
  const probes: Probes = new Map();
  const reads: QuietRead[] = [];
  for (const state of classifier.states) {
    if (!state.touched || state.instance.device.quiet.length === 0) continue;
    const navigator = new Navigator(state, steps, "source");
    probe(state, navigator, probes);
    reads.push(...quietReads(state, navigator));
    navigator.leave(state.selectors);
  }
  const { values } = await carryOut(steps, target);
  const absent = new Set(missing(probes, values));
  const busy = reads.filter(({ state, step, mask }) => !absent.has(state) && ((values.get(step) ?? 0) & mask) !== 0);
  return busy.map(({ state, why }) => ({ device: state.instance.name, why }));
}

/** Takes the reads that can be made where the device stands, and by ways that lead back. */
function quietReads(state: InstanceState, navigator: Navigator): QuietRead[] {
  const { name, device } = state.instance;
  return device.quiet.flatMap(({ read, mask: all, enabledBy, why }) => {
    const enabled = enabledBy === undefined ? undefined : heldValue(state.slots.content(enabledBy, 0));
    const mask = all & (enabled ?? all);

    const step = navigator.attempt(() => {
      const position = navigator.read(read, [], `sees whether ${name} is quiet`);
      const lost = navigator.leave(state.selectors);
      if (lost.length > 0) throw new UnreachableError(`${lost.join(", ")} cannot be brought back from ${read.name}`);
      return position;
    });
    return step === undefined ? [] : [{ state, step, mask, why }];
  });
}
