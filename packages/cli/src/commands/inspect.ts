import { Option, type Command } from "commander";
import { ACCESS_FORMATS, accessPrinter, type AccessFormat } from "../access/access-printer.ts";
import { AccessWindow } from "../access/access-window.ts";
import { addSelectionOptions, endOf, Selection, type SelectionOptions } from "../access/selection.ts";
import { UsageError, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import {
  classifiedBatches,
  classifierFor,
  openClassified,
  type ClassifiedBatch,
  type ClassifiedTrace,
} from "../input/classified-trace.ts";
import { followedBatches } from "../input/follow.ts";
import { reportDamage } from "../input/open-trace.ts";
import { parseCount } from "../quantities.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface InspectOptions extends SelectionOptions {
  readonly head?: number;
  readonly tail?: number;
  readonly follow?: true;
  readonly output: AccessFormat;
}

/** `portrait inspect`. */
export function addInspect(program: Command, runner: Runner): void {
  const command = addSelectionOptions(
    program
      .command("inspect")
      .description(
        "Print the accesses of a trace with device, register, fields, verdict and the criteria that decided.",
      )
      .argument("<file>", "trace, or - for stdin"),
  )
    .option("--head <n>", "only the first n of these", parseCount)
    .addOption(new Option("--tail <n>", "only the last n of these").argParser(parseCount).conflicts("head"))
    .addOption(new Option("--follow", "wait for more while the trace is being written").conflicts("tail"))
    .addOption(new Option("-o, --output <format>", "how to print them").choices(ACCESS_FORMATS).default("text"))
    .action((file: string, options: InspectOptions, self: Command) =>
      runner.run(self, (session) => inspect(session, file, options)),
    );
  examples(command, [
    [
      "portrait inspect boot.pio --filter 'dev == pic1 && verdict == state'",
      "what the guest told its first interrupt controller",
    ],
    ["portrait inspect boot.pio --begin 1.5s --head 1000 -o ndjson | jq .register", "for another program"],
  ]);
}

async function inspect(session: Session, file: string, options: InspectOptions): Promise<ExitCode> {
  if (options.follow === true && file === "-")
    throw new UsageError("--follow needs a file: stdin is followed by itself");
  const trace = await openClassified(session, file);
  try {
    const printer = accessPrinter(options.output, trace.reader.info.clock, session.colors);
    const window = new AccessWindow(session.out, printer, options);
    const selection = new Selection(trace.library, options);
    for await (const one of batchesOf(session, trace, options)) {
      await selection.pass(one, window);
      if (options.follow === true) await session.out.drain();
      if (window.full) break;
    }
    await window.end();
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}

function batchesOf(
  session: Session,
  trace: ClassifiedTrace,
  options: InspectOptions,
): AsyncGenerator<ClassifiedBatch, void, undefined> {
  const limits = { criteria: true, ...endOf(options) };
  const classifier = classifierFor(trace);
  return options.follow === true
    ? followedBatches(session, trace, classifier, limits)
    : classifiedBatches(session, trace, classifier, limits);
}
