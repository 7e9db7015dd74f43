import type { ClockUnit } from "@portrait/tracer";
import { Recorder, type Machine, type StopReason } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { checkUserDescriptions } from "../input/library.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { bootGuest, type GuestOptions } from "../machine/guest-options.ts";
import { limitsFor, untilText } from "../machine/until.ts";
import { traceInfoOf } from "../machine/watched.ts";
import { warn, type Session } from "../session.ts";
import type { RecordingOptions } from "./recording-output.ts";
import { createRecording } from "./recording.ts";

/** Boots a guest on the embedded machine and records it from its power-on. */
export async function recordV86(
  session: Session,
  options: GuestOptions & RecordingOptions & { readonly clock: ClockUnit },
): Promise<ExitCode> {
  const { machine, name } = await bootGuest(options);
  await checkUserDescriptions(session.devices);
  const info = await traceInfoOf(session, machine, { guest: name, clock: options.clock, ports: options.ports ?? [] });
  const recording = await createRecording(session, info, options);
  const recorder = new Recorder(machine, { writer: recording.writer });
  const console = new ConsoleLines(session.out, machine);
  let reason: StopReason;
  try {
    reason = await recorder.run(limitsFor(options.until, machine, session.signal));
    await recording.close();
  } finally {
    await recording.seal();
    await console.end();
  }
  await warn(session, `${stopText(reason, options, machine)}; ${recording.summary}`);
  await machine.destroy();
  return reason === "interrupted" ? EXIT.interrupted : EXIT.done;
}

function stopText(reason: StopReason, options: GuestOptions, machine: Machine): string {
  switch (reason) {
    case "halted":
      return `the guest halted after ${(machine.now() / 1e9).toFixed(3)} s`;
    case "interrupted":
      return "interrupted";
    case "limit":
    case "predicate":
      return options.until === undefined ? "stopped" : `stopped: ${untilText(options.until)}`;
  }
}
