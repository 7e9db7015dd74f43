import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { builtinDescriptions, Classifier, type Library } from "@portrait/classifier";
import type { ClockUnit, TraceInfo } from "@portrait/tracer";
import { Recorder, type BuiltGuest, type Machine, type StopReason, type WatchedGuest } from "@portrait/vmm";
import { InterruptedError } from "../errors.ts";
import { libraryFor, userDescriptions } from "../input/library.ts";
import type { Session } from "../session.ts";
import { bootGuest, type GuestOptions } from "./guest-options.ts";
import { limitsFor, type Until } from "./until.ts";

/** A guest that a command runs and watches. */
export interface RunningGuest extends WatchedGuest {
  readonly recorder: Recorder;
}

/** Boots what the options name, watched from its power-on. */
export async function bootWatched(
  session: Session,
  options: GuestOptions,
): Promise<RunningGuest & { library: Library }> {
  const library = await libraryFor(session.devices);
  const { machine, name } = await bootGuest(options);
  const classifier = new Classifier(library, { fromReset: true });
  return { machine, name, classifier, library, recorder: new Recorder(machine, { classifier }) };
}

/** Runs a guest until the condition holds or it halts. @throws InterruptedError on Ctrl-C. */
export async function runUntil(session: Session, guest: RunningGuest, until: Until | undefined): Promise<StopReason> {
  const reason = await guest.recorder.run(limitsFor(until, guest.machine, session.signal));
  if (reason === "interrupted") throw new InterruptedError("interrupted");
  return reason;
}

/** What a trace says of itself, besides the machine it was made on. */
export interface TraceFacts {
  readonly guest: string;
  readonly clock: ClockUnit;
  readonly ports: TraceInfo["ports"];
  /** Default: true. */
  readonly fromReset?: boolean;
  /** Milliseconds since 1970 at the trace's time 0; default: now. */
  readonly startedAt?: number;
}

/** What a trace of this machine says of itself. */
export async function traceInfoOf(
  session: Session,
  machine: Pick<Machine, "engine" | "engineVersion">,
  options: TraceFacts,
): Promise<TraceInfo> {
  const reference = (text: string) => ({ sha256: createHash("sha256").update(text).digest("hex") });
  const id = (file: string) => file.replace(/^.*\//, "").replace(/\.ya?ml$/, "");
  return {
    clock: options.clock,
    startedAt: BigInt(options.startedAt ?? Date.now()) * 1_000_000n,
    machine: {
      engine: machine.engine,
      engineVersion: machine.engineVersion,
      guest: options.guest,
      host: hostname(),
      decodesAliases: false,
    },
    command: session.commandLine,
    fromReset: options.fromReset ?? true,
    ports: options.ports,
    descriptions: [
      ...builtinDescriptions().map(({ file, text }) => ({ id: id(file), ...reference(text), text: undefined })),
      ...(await userDescriptions(session.devices)).map(({ file, text }) => ({
        id: id(file),
        ...reference(text),
        text,
      })),
    ],
  };
}

/** A guest that was moved here, watched on. */
export function watch(guest: BuiltGuest): RunningGuest {
  const { machine, classifier, name } = guest;
  return { machine, classifier, name, recorder: new Recorder(machine, { classifier }) };
}
