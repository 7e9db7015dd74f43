import { InvalidArgumentError, Option, type Command } from "commander";
import type { Library } from "@portrait/classifier";
import { migrateLocally, sendGuest, type BuiltGuest, type MigrationReport, type SendOptions } from "@portrait/vmm";
import { EXIT, UsageError, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { connectTo, parseAddress, type Address } from "../machine/address.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { addGuestOptions, type GuestOptions } from "../machine/guest-options.ts";
import { migrationJson, migrationText } from "../machine/migration-report.ts";
import { bootWatched, runUntil, watch, type RunningGuest } from "../machine/watched.ts";
import { parseQemu, parseQemuTarget, type QemuAddress } from "../machine/qemu-address.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { migrateQemu, type QemuDestination } from "../qemu-guest/migrate.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface MigrateOptions extends GuestOptions {
  readonly from: "v86" | QemuAddress;
  readonly to: "v86" | QemuDestination;
  readonly trace?: string;
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
      "Lets a guest go on on another machine, its devices rebuilt by port writes alone: one that is booted here, or " +
        "one that runs on a QEMU. The report goes to stdout, the consoles of a guest booted here to stderr.",
    )
    .addOption(
      new Option("--from <where>", "v86: a guest booted here; qemu:QMP-SOCKET[,qtest=SOCKET]: one that runs on a QEMU")
        .argParser(parseSource)
        .default("v86"),
    )
    .option("--trace <file>", "from a QEMU: what a portrait record that is running writes of it")
    .addOption(
      new Option(
        "--to <where>",
        "v86: a second machine in this process; qemu:QMP-SOCKET,qtest=SOCKET: a QEMU that waits (-S -incoming defer); " +
          "unix:PATH or tcp:HOST:PORT: a portrait receive",
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
    [
      "portrait migrate --from qemu:/run/a.qmp --trace a.pio --to qemu:/run/b.qmp,qtest=/run/b.qtest",
      "from one QEMU to another, while portrait record --engine qemu --qmp /run/a2.qmp -o a.pio runs",
    ],
  ]);
}

function parseSource(text: string): MigrateOptions["from"] {
  const from = text === "v86" ? text : parseQemu(text);
  if (from === undefined) throw new InvalidArgumentError("Expected v86 or qemu:QMP-SOCKET.");
  return from;
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
  const { from, to } = options;
  if (from !== "v86") return migrateFromQemu(session, from, options);
  if (options.trace !== undefined) throw new UsageError("--trace is for a guest on a QEMU; one booted here is watched");
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
    show(session, report, totalMs, options);
    return exitOf(report);
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

async function migrateFromQemu(session: Session, from: QemuAddress, options: MigrateOptions): Promise<ExitCode> {
  const { to, trace } = options;
  if (to === "v86") throw new UsageError("a guest of a QEMU cannot go on on v86");
  if ((options.guest ?? options.bios ?? options.kernel ?? options.until) !== undefined) {
    throw new UsageError("--guest, --bios, --kernel and --until are for a guest booted here");
  }
  const started = performance.now();
  const report = await migrateQemu(session, { from, to, trace, ...sendOptions(options) });
  show(session, report, performance.now() - started, options);
  return exitOf(report);
}

function sendOptions(options: MigrateOptions): SendOptions {
  return { allowUnknown: options.allowUnknown === true, allowDifferent: options.allowDifferent === true };
}

function exitOf({ confirmed, result }: MigrationReport): ExitCode {
  return confirmed && result.comparison.different.length === 0 ? EXIT.done : EXIT.different;
}

function show(session: Session, report: MigrationReport, totalMs: number, { output }: MigrateOptions): void {
  session.out.write(
    output === "json" ? `${json(migrationJson(report, totalMs))}\n` : migrationText(report, session.colors),
  );
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
