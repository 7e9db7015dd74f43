import { UNKNOWN, type Classifier, type InstanceState, type Selector } from "@portrait/classifier";
import { hex } from "../output/numbers.ts";
import { slotView, type SlotView } from "./slot-view.ts";

/** What is known of one device, as `portrait state -o json` prints it. */
export interface DeviceView {
  /** Where its ports are; null where they are nowhere, or nobody knows where. */
  readonly base: string | null;
  /** Why it has no base. */
  readonly reason?: string;
  readonly registers: Readonly<Record<string, SlotView>>;
  /** Name or number of each selector's value; null where it is not known. */
  readonly selectors: Readonly<Record<string, string | number | null>>;
}

/** What is known of all devices that count: those that were used, and those every PC has. */
export function stateView(classifier: Classifier, options: { readonly all: boolean }): Record<string, DeviceView> {
  const states = classifier.states.filter(({ touched, instance }) => touched || instance.always || options.all);
  return Object.fromEntries(states.map((state) => [state.instance.name, deviceView(state)]));
}

function deviceView(state: InstanceState): DeviceView {
  const { slots, selectors } = state.instance.device;
  const { whereabouts } = state;
  return {
    ...(whereabouts.base === undefined ? { base: null, reason: whereabouts.why } : { base: hex(whereabouts.base) }),
    registers: Object.fromEntries(slots.map((slot) => [slot.name, slotView(state, slot)])),
    selectors: Object.fromEntries(selectors.map((selector) => [selector.name, selectorValue(state, selector)])),
  };
}

function selectorValue(state: InstanceState, selector: Selector): string | number | null {
  const value = state.selectors[selector.index] ?? UNKNOWN;
  return value === UNKNOWN ? null : (selector.values?.[value] ?? value);
}
