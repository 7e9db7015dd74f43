import type { Command } from "commander";
import { writeCheckpoint, type CheckpointReport } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { stopsText } from "../machine/migration-report.ts";
import { addSourceOptions, recordedQemu, type SourceOptions } from "../machine/source-options.ts";
import { bootWatched, runUntil } from "../machine/watched.ts";
import { count, plural } from "../output/numbers.ts";
import { checkpointQemu } from "../qemu-guest/checkpoint.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface CheckpointOptions extends SourceOptions {
  readonly output: string;
  readonly allowUnknown?: true;
}

/** `portrait checkpoint`. */
export function addCheckpoint(program: Command, runner: Runner): void {
  const command = program
    .command("checkpoint")
    .description(
      "Stops a guest and saves it: CPU, memory, and the plan that rebuilds its devices. The guest is booted here, with its " +
        "console on stdout, and ends; or it runs on a QEMU, and goes on there.",
    )
    .requiredOption("-o, --output <file>", "the checkpoint")
    .option("--allow-unknown", "go on although the state of registers is not known");
  addSourceOptions(command).action((options: CheckpointOptions) =>
    runner.run(command, (session) => checkpoint(session, options)),
  );
  examples(command, [
    [
      "portrait checkpoint --guest fixtures/guests/ticker.bin --until 'tick 20' -o ticker.checkpoint",
      "our small guest at its 20th line",
    ],
    ["portrait restore ticker.checkpoint --until 2", "and how it goes on"],
    [
      "portrait checkpoint --from qemu:/run/a.qmp --trace a.pio -o a.checkpoint",
      "a guest of QEMU, of which a portrait record is writing a.pio",
    ],
  ]);
}

async function checkpoint(session: Session, options: CheckpointOptions): Promise<ExitCode> {
  const qemu = recordedQemu(options);
  const allowUnknown = options.allowUnknown === true;
  if (qemu === undefined) {
    await say(session, options.output, await checkpointBooted(session, options, allowUnknown));
  } else {
    const report = await checkpointQemu(session, { ...qemu, output: options.output, allowUnknown });
    const { downtimeMs, stops } = report;
    const stopped = stops === undefined ? "" : `; stops: ${stopsText(stops)}`;
    await say(session, options.output, report, `; the guest stood still for ${Math.round(downtimeMs)} ms${stopped}`);
  }
  return EXIT.done;
}

async function checkpointBooted(
  session: Session,
  options: CheckpointOptions,
  allowUnknown: boolean,
): Promise<CheckpointReport> {
  const guest = await bootWatched(session, options);
  const console = new ConsoleLines(session.out, guest.machine);
  await runUntil(session, guest, options.until);
  await console.end();
  const report = await writeCheckpoint(guest, options.output, { allowUnknown });
  await guest.machine.destroy();
  return report;
}

function say(session: Session, file: string, { bytes, memoryBytes, plan }: CheckpointReport, more = ""): Promise<void> {
  const { accesses, steps } = plan.counts;
  return warn(
    session,
    `${file}: ${count(bytes)} bytes, ${count(memoryBytes)} of them memory; ` +
      `${plural(accesses, "access", "accesses")} → ${plural(steps, "step")}${more}`,
  );
}
