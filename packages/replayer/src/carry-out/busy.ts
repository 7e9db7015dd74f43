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
import { Navigator } from "../plan/navigator.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";
import { lookAtInterrupts } from "./interrupts.ts";
import { readAndLeave } from "./looks.ts";
import { missing, probe, type Probes } from "./presence.ts";

/** A device that is busy with what no plan brings back. */
export interface BusyDevice {
  readonly device: string;
  readonly why: string;
}

/** Why the guest has to take an interrupt first. */
const WAITS = "it is pending, and nothing is known to make it so again";

/** A look at a device. */
interface Look {
  readonly state: InstanceState;
  /** The interrupt with which it does not count, where that is made pending again. */
  readonly unless: number | undefined;
  readonly why: string;
  /** Whether it is busy, by what the steps read. */
  readonly sees: (read: ReadonlyMap<number, number>) => boolean;
}

/**
 * The devices the guest has used that are not quiet, as their descriptions say; none that is not there. The machine must be
 * stopped; its selectors are left as they were.
 * @param judged what it is asked for: a plan, which does not bring back what waits in a ring of a device's memory and is none the worse for it,
 * or a guest that is to go on
 * @param irqs the interrupts that are pending at its controllers: one that no plan makes pending again is told as if it were a device
 */
export async function busyDevices(
  classifier: Classifier,
  target: PortTarget,
  judged: "plan" | "guest",
  irqs: readonly number[] = [],
): Promise<BusyDevice[]> {
  const steps: PlanStep[] = [];
  const repeatable = lookAtInterrupts(classifier, irqs, steps);
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
  const repeated = new Set(repeatable(values).map(({ irq }) => irq));
  const counts = ({ unless }: Look) => unless === undefined || !repeated.has(unless);
  const busy = looks.filter((look) => !absent.has(look.state) && counts(look) && look.sees(values));
  return [
    ...irqs.filter((irq) => !repeated.has(irq)).map((irq) => ({ device: `IRQ ${irq}`, why: WAITS })),
    ...busy.map(({ state, why }) => ({ device: state.instance.name, why })),
  ];
}

/** Takes the reads of a look; undefined where there is nothing to look at, or they cannot be made where the device stands. */
function lookFor(quiet: Quiet, state: InstanceState, navigator: Navigator): Look | undefined {
  const { guards, why } = quiet;
  if (!mayHold(guards, state)) return undefined;
  const unless = quiet.unlessInterrupt ? state.instance.irq : undefined;
  const look = (sees: Look["sees"]): Look => ({ state, unless, why, sees });
  const read = (...registers: readonly Register[]) =>
    readAndLeave(registers, state, navigator, `sees whether ${state.instance.name} is quiet`);
  switch (quiet.kind) {
    case "bits": {
      const { mask, enabledBy } = quiet;
      const [step] = read(quiet.read) ?? [];
      const enabled = enabledBy === undefined ? undefined : heldValue(state.slots.content(enabledBy, 0));
      const bits = mask & (enabled ?? mask);
      return step === undefined ? undefined : look((values) => ((values.get(step) ?? 0) & bits) !== 0);
    }
    case "values": {
      const [step] = read(quiet.read) ?? [];
      const among = (value: number) => quiet.ranges.some(([lo, hi]) => value >= lo && value <= hi);
      return step === undefined ? undefined : look((values) => among(values.get(step) ?? 0));
    }
    case "ring": {
      const [next, taken] = read(quiet.next, quiet.taken) ?? [];
      if (next === undefined || taken === undefined) return undefined;
      return look((values) => values.get(next) !== placeBehind(values.get(taken) ?? 0, quiet, state));
    }
    case "selectors":
      return look(() => isKnown(guards, state));
  }
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
