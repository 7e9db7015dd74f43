import type { InstanceState } from "@portrait/classifier";
import type { Navigator } from "../plan/navigator.ts";

/** For devices that can be asked whether they are there, the position of the step that does. */
export type Probes = Map<InstanceState, number>;

/** Takes the step that asks whether a device is there, where its description says how. */
export function probe(state: InstanceState, navigator: Navigator, probes: Probes): void {
  const { absent } = state.instance.device;
  if (absent === undefined) return;
  const step = navigator.attempt(() => navigator.read(absent.read, [], "asks whether the device is there"));
  if (step !== undefined) probes.set(state, step);
}

/** Devices whose answer is that of ports with nothing behind them. */
export function missing(probes: Probes, values: ReadonlyMap<number, number>): InstanceState[] {
  const says = (state: InstanceState, step: number) =>
    state.instance.device.absent?.values.includes(values.get(step) ?? 0) ?? false;
  return [...probes].filter(([state, step]) => says(state, step)).map(([state]) => state);
}
