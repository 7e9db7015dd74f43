import { Option, type Command } from "commander";
import { migrateLocally } from "@portrait/vmm";
import { UsageError, type ExitCode } from "../errors.ts";
import { addMigrationReportOptions, type MigrationReportOptions } from "../machine/report-options.ts";
import { examples } from "../help.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { printMigration } from "../machine/migration-report.ts";
import { addAllowOptions, sendOptions, type AllowOptions } from "../machine/send-options.ts";
import { addSourceOptions, recordedQemu, type SourceOptions } from "../machine/source-options.ts";
import { targetMachineOption, type TargetMachine } from "../machine/target-option.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { bootWatched, runUntil, watch } from "../machine/watched.ts";
import { cloneQemu } from "../qemu-guest/clone.ts";
import type { RecordedQemu } from "../qemu-guest/recorded-guest.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface CloneOptions extends SourceOptions, AllowOptions, MigrationReportOptions {
  readonly to: TargetMachine;
  readonly run: Until;
}

/** `portrait clone`. */
export function addClone(program: Command, runner: Runner): void {
  const command = program
    .command("clone")
    .description(
      "Stops a guest, makes a second one of it, and lets both go on: one that is booted here, or one that runs on a QEMU. " +
        "The report goes to stdout, the consoles of guests booted here to stderr.",
    )
    .addOption(targetMachineOption("--to <where>"))
    .addOption(
      new Option("--run <when>", "how long both then run here: SECONDS, 'N accesses' or until each printed TEXT")
        .argParser(parseUntil)
        .default(parseUntil("2s"), "2s"),
    );
  addSourceOptions(addMigrationReportOptions(addAllowOptions(command))).action((options: CloneOptions) =>
    runner.run(command, (session) => clone(session, options)),
  );
  examples(command, [
    ["portrait clone --guest fixtures/guests/ticker.bin --until 'tick 20'", "two guests that count on from 20"],
    [
      "portrait clone --guest fixtures/guests/ticker.bin --until 1 -o json | jq .verify.equal",
      "how much of the device state is equal",
    ],
    [
      "portrait clone --from qemu:/run/a.qmp --trace a.pio --to qemu:/run/b.qmp,qtest=/run/b.qtest",
      "two guests of one of QEMU, of which a portrait record is writing a.pio",
    ],
  ]);
}

async function clone(session: Session, options: CloneOptions): Promise<ExitCode> {
  const qemu = recordedQemu(options);
  if (qemu !== undefined) return cloneOnQemu(session, qemu, options);
  if (options.to !== "v86") throw new UsageError("a guest of v86 cannot go on on a QEMU");
  const original = await bootWatched(session, options);
  const console = new ConsoleLines(session.err, original.machine, session.errColors.dim("original | "));
  const started = performance.now();
  await runUntil(session, original, options.until);
  await console.end();
  const send = sendOptions(options);
  const { report, guest } = await migrateLocally(original, coldMachine(options), original.library, send);
  const totalMs = performance.now() - started;
  const second = new ConsoleLines(session.err, guest.machine, session.errColors.green("clone    | "));
  await Promise.all([runUntil(session, original, options.run), runUntil(session, watch(guest), options.run)]);
  await Promise.all([console.end(), second.end()]);
  const exit = printMigration(session, report, totalMs, options);
  await Promise.all([original.machine.destroy(), guest.machine.destroy()]);
  return exit;
}

async function cloneOnQemu(session: Session, qemu: RecordedQemu, options: CloneOptions): Promise<ExitCode> {
  const { to } = options;
  if (to === "v86") throw new UsageError("a guest of a QEMU cannot go on on v86; say with --to which QEMU takes it");
  const started = performance.now();
  const report = await cloneQemu(session, { ...qemu, to, ...sendOptions(options) });
  return printMigration(session, report, performance.now() - started, options);
}
