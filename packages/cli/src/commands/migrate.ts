import { InvalidArgumentError, Option, type Command } from "commander";
import type { Library } from "@portrait/classifier";
import { migrateLocally, sendGuest, type BuiltGuest, type MigrationReport } from "@portrait/vmm";
import { UsageError, type ExitCode } from "../errors.ts";
import { addMigrationReportOptions, type MigrationReportOptions } from "../machine/report-options.ts";
import { examples } from "../help.ts";
import { connectTo, parseAddress, type Address } from "../machine/address.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { printMigration } from "../machine/migration-report.ts";
import { bootWatched, runUntil, watch, type RunningGuest } from "../machine/watched.ts";
import { parseQemuTarget } from "../machine/qemu-address.ts";
import { addAllowOptions, sendOptions, type AllowOptions } from "../machine/send-options.ts";
import { addSourceOptions, recordedQemu, type SourceOptions } from "../machine/source-options.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { migrateQemu, type QemuDestination } from "../qemu-guest/migrate.ts";
import type { RecordedQemu } from "../qemu-guest/recorded-guest.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface MigrateOptions extends SourceOptions, AllowOptions, MigrationReportOptions {
  readonly to: "v86" | QemuDestination;
  readonly run: Until;
  readonly precopy?: true;
}

/** `portrait migrate`. */
export function addMigrate(program: Command, runner: Runner): void {
  const command = program
    .command("migrate")
    .description(
      "Lets a guest go on on another machine, its devices rebuilt by port writes alone: one that is booted here, or " +
        "one that runs on a QEMU. The report goes to stdout, the consoles of a guest booted here to stderr.",
    )
    .addOption(
      new Option(
        "--to <where>",
        "v86: a second machine in this process; qemu:QMP-SOCKET,qtest=SOCKET: a QEMU that waits (-S -incoming defer); " +
          "unix:PATH or tcp:HOST:PORT: a portrait receive",
      )
        .argParser(parseDestination)
        .makeOptionMandatory(),
    )
    .option("--precopy", "from a QEMU: let the guest run while most of its memory leaves")
    .addOption(
      new Option("--run <when>", "how long the guest then runs here: SECONDS, 'N accesses' or until it printed TEXT")
        .argParser(parseUntil)
        .default(parseUntil("2s"), "2s"),
    );
  addSourceOptions(addMigrationReportOptions(addAllowOptions(command))).action((options: MigrateOptions) =>
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
    [
      "portrait migrate --from qemu:/run/a.qmp --trace a.pio --precopy --to qemu:/run/b.qmp,qtest=/run/b.qtest",
      "from one QEMU to another, while portrait record --engine qemu --qmp /run/a2.qmp -o a.pio runs",
    ],
    [
      "portrait migrate --from qemu:/run/a.qmp --trace new.pio --until 30 --to qemu:/run/b.qmp,qtest=/run/b.qtest",
      "a guest that has not run (-S): it is begun and recorded here for 30 seconds, then taken",
    ],
  ]);
}

function parseDestination(text: string): MigrateOptions["to"] {
  if (text === "v86") return "v86";
  try {
    return parseQemuTarget(text) ?? parseAddress(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError && !/^(unix|tcp|qemu):/.test(text)) {
      throw new InvalidArgumentError("Expected v86, qemu:QMP-SOCKET,qtest=SOCKET, unix:PATH or tcp:HOST:PORT.");
    }
    throw error;
  }
}

async function migrate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const { to } = options;
  const qemu = recordedQemu(options);
  if (qemu !== undefined) return migrateFromQemu(session, qemu, options);
  if (options.precopy) throw new UsageError("--precopy is for a guest that runs on a QEMU");
  if (to !== "v86" && to.kind === "qemu") throw new UsageError("a guest of v86 cannot go on on a QEMU");
  const guest = await bootWatched(session, options);
  const console = new ConsoleLines(session.err, guest.machine, session.errColors.dim("source      | "));
  const started = performance.now();
  await runUntil(session, guest, options.until);
  await console.end();
  try {
    const { report, moved } = await moveOrGoOn(session, guest, console, { ...options, to });
    const totalMs = performance.now() - started;
    if (moved !== undefined) await runMoved(session, moved, options.run);
    return printMigration(session, report, totalMs, options);
  } finally {
    await guest.machine.destroy();
  }
}

/** A migration that took place; `moved` where the guest is in this process. */
interface Moved {
  readonly report: MigrationReport;
  readonly moved?: BuiltGuest;
}

/** Moves the guest; where that fails, it goes on at the source for as long as it was to run. */
async function moveOrGoOn(
  session: Session,
  guest: RunningGuest & { readonly library: Library },
  console: ConsoleLines,
  options: MigrateOptions & { readonly to: "v86" | Address },
): Promise<Moved> {
  try {
    return await move(guest, guest.library, options);
  } catch (error) {
    await warn(session, "the migration did not happen; the guest goes on on the source");
    await runUntil(session, guest, options.run);
    await console.end();
    throw error;
  }
}

async function runMoved(session: Session, moved: BuiltGuest, until: Until): Promise<void> {
  const console = new ConsoleLines(session.err, moved.machine, session.errColors.green("destination | "));
  await runUntil(session, watch(moved), until);
  await console.end();
  await moved.machine.destroy();
}

async function migrateFromQemu(session: Session, qemu: RecordedQemu, options: MigrateOptions): Promise<ExitCode> {
  const { to } = options;
  if (to === "v86") throw new UsageError("a guest of a QEMU cannot go on on v86");
  const started = performance.now();
  const report = await migrateQemu(session, {
    ...qemu,
    to,
    precopy: options.precopy === true,
    ...sendOptions(options),
  });
  return printMigration(session, report, performance.now() - started, options);
}

async function move(
  guest: RunningGuest,
  library: Library,
  options: MigrateOptions & { readonly to: "v86" | Address },
): Promise<Moved> {
  const send = sendOptions(options);
  if (options.to === "v86") {
    const { report, guest: moved } = await migrateLocally(guest, coldMachine(options), library, send);
    return { report, moved };
  }
  const socket = await connectTo(options.to);
  try {
    return { report: await sendGuest(guest, socket, send) };
  } finally {
    socket.destroy();
  }
}
