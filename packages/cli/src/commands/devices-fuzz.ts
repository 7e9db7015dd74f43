import { Option, type Command } from "commander";
import type { Instance, Library } from "@portrait/classifier";
import { BOARDS, fuzz, recordedAccesses, type Board, type PortAccess } from "@portrait/vmm";
import { findInstances } from "../device-library/find.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { fuzzJson } from "../fuzz/fuzz-json.ts";
import { fuzzText } from "../fuzz/fuzz-text.ts";
import { examples } from "../help.ts";
import { libraryFor } from "../input/library.ts";
import { openTrace } from "../input/open-trace.ts";
import { count } from "../output/numbers.ts";
import { parseCount } from "../quantities.ts";
import type { Runner } from "../runner.ts";
import { checkInterrupted, type Session } from "../session.ts";

/** Recorded accesses that sequences take runs from, at the most. */
const RECORDED_LIMIT = 200_000;
const SHOW_INTERVAL_MS = 100;

interface FuzzOptions {
  readonly cases: number;
  readonly seed?: number;
  readonly trace?: string;
  readonly board?: Board;
  readonly qemu?: string;
  readonly output: ReportFormat;
}

/** `portrait devices fuzz`. */
export function addDevicesFuzz(devices: Command, runner: Runner): void {
  const command = devices
    .command("fuzz")
    .description(
      "Prove descriptions against QEMU: generated accesses on one machine, their plan on another, and both machines' own state compared. " +
        "Exit code 1 if a field differs without a documented reason, or a device that is there is described as absent.",
    )
    .argument("<id...>", "device types or instances, tried together")
    .option("--cases <n>", "sequences to try", parseCount, 1000)
    .option("--seed <n>", "what fixes all sequences (default: another one each time)", parseCount)
    .option("--trace <file>", "a recording; sequences also take runs of accesses from it")
    .addOption(new Option("--board <name>", "QEMU's board (default: one that has the devices)").choices(BOARDS))
    .option("--qemu <command>", "QEMU's command line, split at spaces (default: one that has the devices)")
    .addOption(reportFormatOption())
    .action((ids: string[], options: FuzzOptions, self: Command) =>
      runner.run(self, (session) => fuzzDevices(session, ids, options)),
    );
  examples(command, [
    ["portrait devices fuzz i8259 --cases 10000 --seed 1", "one of ours, the same cases each time"],
    ["portrait devices fuzz acpi ich9-pm --board q35", "on QEMU's q35"],
    [
      "portrait devices fuzz sound --devices ./mine --qemu 'qemu-system-i386 -M pc -nodefaults -m 1 -device sb16'",
      "one of your own",
    ],
  ]);
}

async function fuzzDevices(session: Session, ids: readonly string[], options: FuzzOptions): Promise<ExitCode> {
  const library = await libraryFor(session.devices);
  const instances = [...new Set(ids.flatMap((id) => findInstances(library, id)))];
  const recorded = options.trace === undefined ? [] : await accessesIn(session, options.trace, library, instances);
  const { cases, seed = Date.now() & 0x7fffffff } = options;
  const show = progressOf(session, ids, cases);
  try {
    const report = await fuzz(library, {
      instances,
      cases,
      seed,
      recorded,
      ...(options.board !== undefined && { board: options.board }),
      ...(options.qemu !== undefined && { command: options.qemu.split(/\s+/).filter((word) => word !== "") }),
      onCase: show,
      signal: session.signal,
    });
    checkInterrupted(session);
    session.drawProgress?.("");
    if (options.output === "json") session.out.line(json(fuzzJson(report)));
    else for (const line of fuzzText(report, session.colors)) session.out.line(line);
    return report.failed === 0 && report.denied.length === 0 ? EXIT.done : EXIT.different;
  } catch (error) {
    session.drawProgress?.("");
    // Ctrl-C reaches QEMU as well.
    checkInterrupted(session);
    throw error;
  }
}

function progressOf(session: Session, ids: readonly string[], cases: number): (done: number, failed: number) => void {
  let next = 0;
  return (done, failed) => {
    const now = performance.now();
    if (now < next) return;
    next = now + SHOW_INTERVAL_MS;
    session.drawProgress?.(`${ids.join(", ")}: ${count(done)} of ${count(cases)} cases, ${count(failed)} failed`);
  };
}

/** A recording's accesses to the ports of the devices. */
async function accessesIn(
  session: Session,
  file: string,
  library: Library,
  instances: readonly Instance[],
): Promise<readonly PortAccess[]> {
  const trace = await openTrace(session, file);
  const wanted = new Set(instances.map((instance) => library.instances.indexOf(instance)));
  const accept = (port: number) => library.claims(port)?.some(({ instance }) => wanted.has(instance)) === true;
  const accesses: PortAccess[] = [];
  try {
    for await (const batch of trace.reader.batches()) {
      for (const access of recordedAccesses(batch, accept)) accesses.push(access);
      if (accesses.length >= RECORDED_LIMIT) break;
    }
  } finally {
    await trace.close();
  }
  return accesses;
}
