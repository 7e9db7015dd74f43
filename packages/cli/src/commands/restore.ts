import { Option, type Command } from "commander";
import { restoreCheckpoint } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { libraryFor } from "../input/library.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { verificationLines } from "../machine/migration-report.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { runUntil, watch } from "../machine/watched.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface RestoreOptions {
  readonly until?: Until;
  readonly deterministic?: true;
  readonly allowDifferent?: true;
}

/** `portrait restore`. */
export function addRestore(program: Command, runner: Runner): void {
  const command = program
    .command("restore")
    .description("Lets a saved guest go on on a new machine. Its console goes to stdout.")
    .argument("<checkpoint>", "a file portrait checkpoint made")
    .option("--deterministic", "time is instructions executed, and idle time is skipped")
    .option("--allow-different", "go on although device state differs after the plan")
    .addOption(
      new Option("--until <when>", "stop after SECONDS, 'N accesses' or once it printed TEXT").argParser(parseUntil),
    )
    .action((file: string, options: RestoreOptions) =>
      runner.run(command, (session) => restore(session, file, options)),
    );
  examples(command, [
    ["portrait restore ticker.checkpoint", "until it halts or Ctrl-C"],
    ["portrait restore ticker.checkpoint --deterministic --until 'tick 40'", "the same run every time"],
  ]);
}

async function restore(session: Session, file: string, options: RestoreOptions): Promise<ExitCode> {
  const library = await libraryFor(session.devices);
  const guest = await restoreCheckpoint(file, coldMachine(options), library, {
    allowDifferent: options.allowDifferent === true,
  });
  for (const line of verificationLines(guest.result, session.errColors)) session.err.line(line);
  await session.err.drain();
  const console = new ConsoleLines(session.out, guest.machine);
  await runUntil(session, watch(guest), options.until);
  await console.end();
  await guest.machine.destroy();
  return EXIT.done;
}
