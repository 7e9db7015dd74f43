import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { createV86Machine, Recorder, type BuiltGuest, type ImageHello, type WatchedGuest } from "../../src/index.ts";
import { guestImage } from "../../../../test-support/guest.ts";

/** All of Portrait's descriptions, as v86 decodes ports. */
export const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** A guest that is watched from its power-on, and can be run on. */
export interface RunningGuest extends WatchedGuest {
  readonly recorder: Recorder;
}

/** The ticking guest on a fresh machine, not yet run. */
export async function bootTicker(options: { deterministic?: boolean } = {}): Promise<RunningGuest> {
  const machine = await createV86Machine({
    guest: { kind: "image", bytes: guestImage("ticker") },
    memorySize: 4 << 20,
    deterministic: options.deterministic ?? true,
    name: "ticker",
  });
  const classifier = new Classifier(library, { fromReset: true });
  return { machine, classifier, name: "ticker", recorder: new Recorder(machine, { classifier }) };
}

/** A cold machine for a guest to be restored into. */
export function coldMachine({ memorySize }: ImageHello): ReturnType<typeof createV86Machine> {
  return createV86Machine({ memorySize, deterministic: true, name: "destination" });
}

/** A guest that was moved, watched on. */
export function watch(guest: BuiltGuest): RunningGuest {
  const { machine, classifier, name } = guest;
  return { machine, classifier, name, recorder: new Recorder(machine, { classifier }) };
}

/** The numbers the guest has printed in whole lines `tick N`. */
export function ticks(console: string): number[] {
  return [...console.matchAll(/tick (\d+)\r\n/g)].map(([, number]) => Number(number));
}

/** Runs the guest until it has printed `count` more ticks on this machine, 20 s at the most. Gives all it printed here. */
export async function runTicks(guest: RunningGuest, count: number): Promise<number[]> {
  const from = ticks(guest.machine.console).length;
  const until = () =>
    ticks(guest.machine.console.slice(-4096)).length > 0 && ticks(guest.machine.console).length >= from + count;
  await guest.recorder.run({ until, guestMs: 20_000, wallMs: 20_000 });
  return ticks(guest.machine.console);
}
