import { InstanceState, type Binding, type Instance, type Library, type Window } from "@portrait/classifier";
import { carryOut, Navigator, type PlanStep, type PortTarget } from "@portrait/replayer";
import type { PortAccess } from "./accesses.ts";

/** Pages of a window that are looked at for devices: the first bus of a PC. */
const PAGES = 256;
/** Where the first of the instances that are bound alike stands. */
export const FIRST_BASE = 0xc000;
const BASE_DISTANCE = 0x100;

/** Bound instances that a machine has, and what a guest does to give them their ports. */
export interface Placing {
  readonly instances: readonly Instance[];
  /** With the values that reads gave. */
  readonly accesses: readonly PortAccess[];
}

/**
 * Looks for the instances that stand behind a window, and gives each its ports: those that stand at fixed ones are there anyway, and
 * those the machine does not have are left out. What decodes is switched on with all that shares its byte, so that devices may
 * also reach memory.
 */
export async function placing(library: Library, instances: readonly Instance[], ports: PortTarget): Promise<Placing> {
  const found: Instance[] = [];
  const steps: PlanStep[] = [];
  const taken = new Set<string>();
  for (const instance of instances) {
    if (instance.place.kind === "fixed") {
      found.push(instance);
      continue;
    }
    const { binding } = instance.place;
    const owner = ownerOf(library, binding.to);
    const pages = owner === undefined ? [] : await pagesThatShow(binding, owner, ports);
    const alike = `${instance.device.id} ${JSON.stringify(binding)}`;
    const page = pages.find((one) => !taken.has(`${alike} ${one}`));
    if (owner === undefined || page === undefined) continue;
    taken.add(`${alike} ${page}`);
    place(binding, owner, page, FIRST_BASE + BASE_DISTANCE * pages.indexOf(page), steps);
    found.push(instance);
  }
  const { values } = await carryOut(steps, ports);
  const accesses = steps.flatMap((step, i): PortAccess[] => {
    if (step.op === "drain") return [];
    const value = step.op === "out" ? step.value : (values.get(i) ?? 0);
    return [{ direction: step.op, port: step.port, width: step.width, value }];
  });
  return { instances: found, accesses };
}

interface Owner {
  readonly instance: Instance;
  readonly window: Window;
}

function ownerOf({ instances }: Library, name: string): Owner | undefined {
  for (const instance of instances) {
    const window = instance.device.windows.find((one) => one.name === name);
    if (window !== undefined) return { instance, window };
  }
  return undefined;
}

async function pagesThatShow(binding: Binding, owner: Owner, ports: PortTarget): Promise<number[]> {
  const steps: PlanStep[] = [];
  const reads = Array.from({ length: PAGES }, (_, page) =>
    binding.shows.map(({ at, mask, is }) => ({ step: readAt(owner, page, at, steps), mask, is })),
  );
  const { values } = await carryOut(steps, ports);
  const shows = ({ step, mask, is }: { step: number; mask: number; is: number }) =>
    (((values.get(step) ?? 0) ^ is) & mask) === 0;
  return reads.flatMap((page, number) => (page.every(shows) ? [number] : []));
}

function place({ shows, base, enabled }: Binding, owner: Owner, page: number, to: number, steps: PlanStep[]): void {
  for (const { at } of shows) readAt(owner, page, at, steps);
  if (typeof base !== "number") writeAt(owner, page, base.at, to & base.mask, steps);
  if (enabled !== undefined) writeAt(owner, page, enabled.at, bytesWith(enabled.mask), steps);
}

function readAt(owner: Owner, page: number, at: number, steps: PlanStep[]): number {
  const { navigator, guards } = way(owner, page, at, steps);
  return navigator.readPort(owner.window.lanes, guards, "sees what stands here");
}

function writeAt(owner: Owner, page: number, at: number, value: number, steps: PlanStep[]): void {
  const { navigator, guards } = way(owner, page, at, steps);
  navigator.writePort(owner.window.lanes, guards, value, "gives it its ports");
}

function way({ instance, window }: Owner, page: number, at: number, steps: PlanStep[]) {
  const navigator = new Navigator(new InstanceState(instance, undefined), steps, "unknown");
  const [{ index }] = window.key;
  const dword = (page * window.pageBytes + at) / 4;
  return { navigator, guards: [{ selector: index, ranges: [[dword, dword] as const] }, ...window.guards] };
}

/** The bytes that have bits of the mask, all ones. */
function bytesWith(mask: number): number {
  return [0, 8, 16, 24].reduce((sum, low) => (((mask >>> low) & 0xff) === 0 ? sum : sum | (0xff << low)), 0) >>> 0;
}
