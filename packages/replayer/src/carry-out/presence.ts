import type { InstanceState } from "@portrait/classifier";
import { Navigator } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";

/** For devices that can be asked whether they are there, the position of the step that does. */
export type Probes = Map<InstanceState, number>;

/** Takes the step that asks whether a device is there, where its description says how. */
export function probe(state: InstanceState, navigator: Navigator, probes: Probes): void {
  const { absent } = state.instance.device;
  if (absent === undefined) return;
  const step = navigator.attempt(() => navigator.read(absent.read, [], "asks whether the device is there"));
  if (step !== undefined) probes.set(state, step);
}

/** Those of the devices that say they are not there. The machine must be stopped; its selectors are left as they were. */
export async function absentDevices(states: readonly InstanceState[], target: PortTarget): Promise<InstanceState[]> {
  const steps: PlanStep[] = [];
  const probes: Probes = new Map();
  for (const state of states) {
    const navigator = new Navigator(state, steps, "source");
    probe(state, navigator, probes);
    navigator.leave(state.selectors);
  }
  const { values } = await carryOut(steps, target);
  return missing(probes, values);
}

/** Devices whose answer is that of ports with nothing behind them. */
export function missing(probes: Probes, values: ReadonlyMap<number, number>): InstanceState[] {
  const says = (state: InstanceState, step: number) =>
    state.instance.device.absent?.values.includes(values.get(step) ?? 0) ?? false;
  return [...probes].filter(([state, step]) => says(state, step)).map(([state]) => state);
}
