import { Option, type Command } from "commander";
import { addSelectionOptions, endOf, Selection, type SelectionOptions } from "../access/selection.ts";
import { UsageError, type ExitCode } from "../errors.ts";
import { exportFormats } from "../export/formats.ts";
import { examples } from "../help.ts";
import { classifiedBatches, classifierFor, openClassified } from "../input/classified-trace.ts";
import { reportDamage } from "../input/open-trace.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface ExportOptions extends SelectionOptions {
  readonly to: string;
  readonly output: string;
}

/** `portrait export`. */
export function addExport(program: Command, runner: Runner): void {
  const names = exportFormats.map(({ name }) => name);
  const command = addSelectionOptions(
    program
      .command("export")
      .summary("Write a trace for another tool.")
      .description(
        "Write a trace, or the accesses chosen from it, for another tool.\n\n" +
          exportFormats.map(({ name, title }) => `${name.padEnd(9)} ${title}`).join("\n"),
      )
      .argument("<file>", "trace, or - for stdin")
      .addOption(new Option("--to <format>", "what to write").choices(names).makeOptionMandatory())
      .requiredOption("-o, --output <file>", "file to write, or - for stdout"),
  ).action((file: string, options: ExportOptions, self: Command) =>
    runner.run(self, (session) => exportTrace(session, file, options)),
  );
  examples(command, [
    ["portrait export boot.pio --to perfetto -o boot.perfetto", "to be opened in ui.perfetto.dev"],
    [
      "portrait export boot.pio --to plain --filter 'dev == pic1' -o -",
      "one device's accesses as text that can be imported",
    ],
  ]);
}

async function exportTrace(session: Session, file: string, options: ExportOptions): Promise<ExitCode> {
  const format = exportFormats.find(({ name }) => name === options.to);
  if (format === undefined) throw new UsageError(`--to ${options.to}: there is no such format`);
  const trace = await openClassified(session, file);
  try {
    const selection = new Selection(trace.library, options);
    const target = await format.open(session, trace, options.output, file);
    try {
      const batches = classifiedBatches(session, trace, classifierFor(trace), { criteria: true, ...endOf(options) });
      for await (const one of batches) await selection.pass(one, target.taker);
      await target.end();
    } finally {
      await target.close();
    }
    for (const loss of target.losses()) await warn(session, `${target.name}: not in it: ${loss}`);
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}
