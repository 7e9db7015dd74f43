import {
  guardAccepts,
  heldValue,
  UNKNOWN,
  type Classifier,
  type Guard,
  type InstanceState,
  type Quiet,
  type QuietRing,
  type Register,
} from "@portrait/classifier";
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

/** A look at a device. */
interface Look {
  readonly state: InstanceState;
  readonly why: string;
  /** Whether it is busy, by what the steps read. */
  readonly sees: (read: ReadonlyMap<number, number>) => boolean;
}

/**
 * The devices the guest has used that are not quiet, as their descriptions say; none that is not there. The machine must be
 * stopped; its selectors are left as they were.
 * @param judged what it is asked for: a plan, which does not bring back what waits in a ring of a device's memory and is none the worse for it,
 * or a guest that is to go on
 */
export async function busyDevices(
  classifier: Classifier,
  target: PortTarget,
  judged: "plan" | "guest",
): Promise<BusyDevice[]> {
  const steps: PlanStep[] = [];
  const probes: Probes = new Map();
  const looks: Look[] = [];
  for (const state of classifier.states) {
    const entries = state.instance.device.quiet.filter(({ kind }) => kind !== "ring" || judged === "guest");
    if (!state.touched || entries.length === 0) continue;
    const navigator = new Navigator(state, steps, "source");
    probe(state, navigator, probes);
    looks.push(...entries.flatMap((quiet) => lookFor(quiet, state, navigator) ?? []));
    navigator.leave(state.selectors);
  }
  const { values } = await carryOut(steps, target);
  const absent = new Set(missing(probes, values));
  const busy = looks.filter(({ state, sees }) => !absent.has(state) && sees(values));
  return busy.map(({ state, why }) => ({ device: state.instance.name, why }));
}

/** Takes the reads of a look; undefined where there is nothing to look at, or they cannot be made where the device stands. */
function lookFor(quiet: Quiet, state: InstanceState, navigator: Navigator): Look | undefined {
  const { guards, why } = quiet;
  if (!mayHold(guards, state)) return undefined;
  switch (quiet.kind) {
    case "bits": {
      const { read, mask, enabledBy } = quiet;
      const [step] = readAndLeave([read], state, navigator) ?? [];
      const enabled = enabledBy === undefined ? undefined : heldValue(state.slots.content(enabledBy, 0));
      const bits = mask & (enabled ?? mask);
      return step === undefined ? undefined : { state, why, sees: (values) => ((values.get(step) ?? 0) & bits) !== 0 };
    }
    case "values": {
      const [step] = readAndLeave([quiet.read], state, navigator) ?? [];
      const among = (value: number) => quiet.ranges.some(([lo, hi]) => value >= lo && value <= hi);
      return step === undefined ? undefined : { state, why, sees: (values) => among(values.get(step) ?? 0) };
    }
    case "ring": {
      const [next, taken] = readAndLeave([quiet.next, quiet.taken], state, navigator) ?? [];
      if (next === undefined || taken === undefined) return undefined;
      const sees = (values: ReadonlyMap<number, number>) =>
        values.get(next) !== placeBehind(values.get(taken) ?? 0, quiet, state);
      return { state, why, sees };
    }
    case "selectors":
      return { state, why, sees: () => isKnown(guards, state) };
  }
}

/** Takes reads by ways that lead back; gives their positions. */
function readAndLeave(
  registers: readonly Register[],
  state: InstanceState,
  navigator: Navigator,
): number[] | undefined {
  return navigator.attempt(() => {
    const why = `sees whether ${state.instance.name} is quiet`;
    const positions = registers.map((register) => navigator.read(register, [], why));
    const lost = navigator.leave(state.selectors);
    if (lost.length > 0) throw new UnreachableError(`${lost.join(", ")} cannot be brought back`);
    return positions;
  });
}

/** False where a selector is known to be another. */
function mayHold(guards: readonly Guard[], { selectors }: InstanceState): boolean {
  return guards.every((guard) => {
    const value = selectors[guard.selector] ?? UNKNOWN;
    return value === UNKNOWN || guardAccepts(guard, value);
  });
}

function isKnown(guards: readonly Guard[], { selectors }: InstanceState): boolean {
  return guards.every(({ selector }) => (selectors[selector] ?? UNKNOWN) !== UNKNOWN);
}

function placeBehind(place: number, { first, end }: QuietRing, { slots }: InstanceState): number | undefined {
  return place + 1 === heldValue(slots.content(end, 0)) ? heldValue(slots.content(first, 0)) : place + 1;
}
