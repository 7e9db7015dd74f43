import { Option, type Command } from "commander";
import { restoreCheckpoint } from "@portrait/vmm";
import { EXIT, UsageError, type ExitCode } from "../errors.ts";
import { addReportOptions, type ReportOptions } from "../machine/report-options.ts";
import { examples } from "../help.ts";
import { libraryFor } from "../input/library.ts";
import { coldMachine } from "../machine/cold-machine.ts";
import { ConsoleLines } from "../machine/console-lines.ts";
import { printRestore, verificationLines } from "../machine/migration-report.ts";
import { targetMachineOption, type TargetMachine } from "../machine/target-option.ts";
import { parseUntil, type Until } from "../machine/until.ts";
import { runUntil, watch } from "../machine/watched.ts";
import { restoreQemu } from "../qemu-guest/restore.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface RestoreOptions extends ReportOptions {
  readonly to: TargetMachine;
  readonly until?: Until;
  readonly deterministic?: true;
  readonly allowDifferent?: true;
}

/** `portrait restore`. */
export function addRestore(program: Command, runner: Runner): void {
  const command = program
    .command("restore")
    .description(
      "Lets a saved guest go on: on a machine in this process, with its console on stdout, or on a QEMU, with the report there.",
    )
    .argument("<checkpoint>", "a file portrait checkpoint made")
    .addOption(targetMachineOption("--to <where>"))
    .option("--deterministic", "time is instructions executed, and idle time is skipped")
    .option("--allow-different", "go on although device state differs after the plan")
    .addOption(
      new Option("--until <when>", "stop after SECONDS, 'N accesses' or once it printed TEXT").argParser(parseUntil),
    );
  addReportOptions(command).action((file: string, options: RestoreOptions) =>
    runner.run(command, (session) => restore(session, file, options)),
  );
  examples(command, [
    ["portrait restore ticker.checkpoint", "until it halts or Ctrl-C"],
    ["portrait restore ticker.checkpoint --deterministic --until 'tick 40'", "the same run every time"],
    [
      "portrait restore a.checkpoint --to qemu:/run/b.qmp,qtest=/run/b.qtest",
      "a guest of QEMU, on one with the same command line that waits",
    ],
  ]);
}

async function restore(session: Session, file: string, options: RestoreOptions): Promise<ExitCode> {
  const { to } = options;
  const allowDifferent = options.allowDifferent === true;
  if (to === "v86") return restoreHere(session, file, options, allowDifferent);
  if ((options.until ?? options.deterministic) !== undefined) {
    throw new UsageError("--until and --deterministic are for a guest that goes on here");
  }
  const started = performance.now();
  const result = await restoreQemu(session, { file, to, allowDifferent });
  return printRestore(session, result, performance.now() - started, options);
}

async function restoreHere(
  session: Session,
  file: string,
  options: RestoreOptions,
  allowDifferent: boolean,
): Promise<ExitCode> {
  if (options.output === "json")
    throw new UsageError("-o json is for a guest that goes on on a QEMU; here its console is stdout");
  const { devices, signal } = session;
  const library = await libraryFor(devices);
  const guest = await restoreCheckpoint(file, coldMachine(options), library, { allowDifferent, signal });
  for (const line of verificationLines(guest.result, session.errColors)) session.err.line(line);
  await session.err.drain();
  const console = new ConsoleLines(session.out, guest.machine);
  await runUntil(session, watch(guest), options.until);
  await console.end();
  await guest.machine.destroy();
  return EXIT.done;
}
