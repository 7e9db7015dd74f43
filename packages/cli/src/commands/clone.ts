import { Option, type Command } from "commander";
import { migrateLocally } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { addGuestOptions, type GuestOptions } from "../machine/guest-options.ts";
import { migrationJson, migrationText } from "../machine/migration-report.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { bootWatched, runUntil, watch } from "../machine/watched.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface CloneOptions extends GuestOptions {
  readonly run: Until;
  readonly output: ReportFormat;
  readonly allowUnknown?: true;
  readonly allowDifferent?: true;
}

/** `portrait clone`. */
export function addClone(program: Command, runner: Runner): void {
  const command = program
    .command("clone")
    .description(
      "Boots a guest, stops it, makes a second one of it, and lets both go on. The consoles go to stderr, the report to stdout.",
    )
    .addOption(
      new Option("--run <when>", "how long both then run: SECONDS, 'N accesses' or until each printed TEXT")
        .argParser(parseUntil)
        .default(parseUntil("2s"), "2s"),
    )
    .option("--allow-unknown", "go on although the state of registers is not known")
    .option("--allow-different", "go on although device state differs after the plan")
    .addOption(reportFormatOption());
  addGuestOptions(command).action((options: CloneOptions) => runner.run(command, (session) => clone(session, options)));
  examples(command, [
    ["portrait clone --guest fixtures/guests/ticker.bin --until 'tick 20'", "two guests that count on from 20"],
    [
      "portrait clone --guest fixtures/guests/ticker.bin --until 1 -o json | jq .verify.equal",
      "how much of the device state is equal",
    ],
  ]);
}

async function clone(session: Session, options: CloneOptions): Promise<ExitCode> {
  const original = await bootWatched(session, options);
  const console = new ConsoleLines(session.err, original.machine, session.errColors.dim("original | "));
  const started = performance.now();
  await runUntil(session, original, options.until);
  await console.end();
  const { report, guest } = await migrateLocally(original, coldMachine(options), original.library, {
    allowUnknown: options.allowUnknown === true,
    allowDifferent: options.allowDifferent === true,
  });
  const totalMs = performance.now() - started;
  const second = new ConsoleLines(session.err, guest.machine, session.errColors.green("clone    | "));
  await Promise.all([runUntil(session, original, options.run), runUntil(session, watch(guest), options.run)]);
  await Promise.all([console.end(), second.end()]);
  session.out.write(
    options.output === "json" ? `${json(migrationJson(report, totalMs))}\n` : migrationText(report, session.colors),
  );
  await Promise.all([original.machine.destroy(), guest.machine.destroy()]);
  return report.result.comparison.different.length === 0 ? EXIT.done : EXIT.different;
}
