import { InvalidArgumentError, Option, type Command } from "commander";
import type { Library } from "@portrait/classifier";
import { migrateLocally, sendGuest, type MigrationReport } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { connectTo, parseAddress, type Address } from "../machine/address.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { addGuestOptions, type GuestOptions } from "../machine/guest-options.ts";
import { migrationJson, migrationText } from "../machine/migration-report.ts";
import { bootWatched, runUntil, watch, type RunningGuest } from "../machine/watched.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface MigrateOptions extends GuestOptions {
  readonly to: "v86" | Address;
  readonly run: Until;
  readonly output: ReportFormat;
  readonly allowUnknown?: true;
  readonly allowDifferent?: true;
}

/** `portrait migrate`. */
export function addMigrate(program: Command, runner: Runner): void {
  const command = program
    .command("migrate")
    .description(
      "Boots a guest, stops it, and lets it go on on another machine, its devices rebuilt by port writes alone. " +
        "The consoles go to stderr, the report to stdout.",
    )
    .addOption(new Option("--from <engine>", "what runs the guest").choices(["v86"]).default("v86"))
    .addOption(
      new Option(
        "--to <where>",
        "v86: a second machine in this process; unix:PATH or tcp:HOST:PORT: a portrait receive",
      )
        .argParser(parseDestination)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--run <when>", "how long the guest then runs here: SECONDS, 'N accesses' or until it printed TEXT")
        .argParser(parseUntil)
        .default(parseUntil("2s"), "2s"),
    )
    .option("--allow-unknown", "go on although the state of registers is not known")
    .option("--allow-different", "go on although device state differs after the plan")
    .addOption(reportFormatOption());
  addGuestOptions(command).action((options: MigrateOptions) =>
    runner.run(command, (session) => migrate(session, options)),
  );
  examples(command, [
    [
      "portrait migrate --guest fixtures/guests/ticker.bin --until 'tick 20' --to v86",
      "to a second machine in this process",
    ],
    [
      "portrait migrate --guest fixtures/guests/ticker.bin --until 2 --to unix:/tmp/guest.sock",
      "to another portrait, started before with: portrait receive unix:/tmp/guest.sock",
    ],
  ]);
}

function parseDestination(text: string): MigrateOptions["to"] {
  if (text === "v86") return "v86";
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError && !/^(unix|tcp):/.test(text)) {
      throw new InvalidArgumentError("Expected v86, unix:PATH or tcp:HOST:PORT.");
    }
    throw error;
  }
}

async function migrate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const guest = await bootWatched(session, options);
  const console = new ConsoleLines(session.err, guest.machine, session.errColors.dim("source      | "));
  const started = performance.now();
  await runUntil(session, guest, options.until);
  await console.end();
  try {
    const report = await move(session, guest, guest.library, options);
    const totalMs = performance.now() - started;
    session.out.write(
      options.output === "json" ? `${json(migrationJson(report, totalMs))}\n` : migrationText(report, session.colors),
    );
    return report.result.comparison.different.length === 0 ? EXIT.done : EXIT.different;
  } catch (error) {
    await warn(session, "the migration did not happen; the guest goes on on the source");
    await runUntil(session, guest, options.run);
    await console.end();
    throw error;
  } finally {
    await guest.machine.destroy();
  }
}

async function move(
  session: Session,
  guest: RunningGuest,
  library: Library,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const send = { allowUnknown: options.allowUnknown === true, allowDifferent: options.allowDifferent === true };
  if (options.to !== "v86") {
    const socket = await connectTo(options.to);
    try {
      return await sendGuest(guest, socket, send);
    } finally {
      socket.destroy();
    }
  }
  const { report, guest: moved } = await migrateLocally(guest, coldMachine(options), library, send);
  const console = new ConsoleLines(session.err, moved.machine, session.errColors.green("destination | "));
  await runUntil(session, watch(moved), options.run);
  await console.end();
  await moved.machine.destroy();
  return report;
}
