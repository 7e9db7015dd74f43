import type { Command } from "commander";
import { writeCheckpoint } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { addGuestOptions, type GuestOptions } from "../machine/guest-options.ts";
import { bootWatched, runUntil } from "../machine/watched.ts";
import { count, plural } from "../output/numbers.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface CheckpointOptions extends GuestOptions {
  readonly output: string;
  readonly allowUnknown?: true;
}

/** `portrait checkpoint`. */
export function addCheckpoint(program: Command, runner: Runner): void {
  const command = program
    .command("checkpoint")
    .description(
      "Boots a guest, stops it, and saves it: CPU, memory, and the plan that rebuilds its devices. Its console goes to stdout.",
    )
    .requiredOption("-o, --output <file>", "the checkpoint")
    .option("--allow-unknown", "go on although the state of registers is not known");
  addGuestOptions(command).action((options: CheckpointOptions) =>
    runner.run(command, (session) => checkpoint(session, options)),
  );
  examples(command, [
    [
      "portrait checkpoint --guest fixtures/guests/ticker.bin --until 'tick 20' -o ticker.checkpoint",
      "our small guest at its 20th line",
    ],
    ["portrait restore ticker.checkpoint --until 2", "and how it goes on"],
  ]);
}

async function checkpoint(session: Session, options: CheckpointOptions): Promise<ExitCode> {
  const guest = await bootWatched(session, options);
  const console = new ConsoleLines(session.out, guest.machine);
  await runUntil(session, guest, options.until);
  await console.end();
  const report = await writeCheckpoint(guest, options.output, { allowUnknown: options.allowUnknown === true });
  await warn(
    session,
    `${options.output}: ${count(report.bytes)} bytes, ${count(report.memoryBytes)} of them memory; ` +
      `${plural(report.plan.counts.accesses, "access", "accesses")} → ${plural(report.plan.counts.steps, "step")}`,
  );
  await guest.machine.destroy();
  return EXIT.done;
}
