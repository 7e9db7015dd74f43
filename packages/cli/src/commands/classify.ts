import { Option, type Command } from "commander";
import { TraceWriter, type TraceInfo } from "@portrait/tracer";
import { UsageError, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import {
  classifiedBatches,
  classifierFor,
  knowledgeOf,
  openClassified,
  type ClassifiedTrace,
} from "../input/classified-trace.ts";
import { openTrace, reportDamage } from "../input/open-trace.ts";
import { Keeper, type KeptState } from "../keep/keeper.ts";
import { KeptWriter } from "../keep/kept-writer.ts";
import { count, percent } from "../output/numbers.ts";
import { openSink } from "../output/trace-file.ts";
import type { Runner } from "../runner.ts";
import { checkInterrupted, warn, type Session } from "../session.ts";

interface ClassifyOptions {
  readonly keep: KeptState | "all";
  readonly output: string;
}

/** `portrait classify`. */
export function addClassify(program: Command, runner: Runner): void {
  const command = program
    .command("classify")
    .summary("Write a smaller trace that tells the same of the devices' state at its end.")
    .description(
      "Write a smaller trace that tells the same of the devices' state at its end. Accesses are numbered anew; times, " +
        "markers and gaps stay.\n\n" +
        "state: what the registers at the end go back to, and what is needed to read it.\n" +
        "write-only: the same for the registers that cannot be read back from the device.\n" +
        "all: everything, in a sealed file.",
    )
    .argument("<file>", "trace; - for stdin with --keep all")
    .requiredOption("-o, --output <file>", "trace to write, or - for stdout")
    .addOption(
      new Option("--keep <what>", "which accesses").choices(["write-only", "state", "all"]).makeOptionMandatory(),
    )
    .action((file: string, options: ClassifyOptions, self: Command) =>
      runner.run(self, (session) => classify(session, file, options)),
    );
  examples(command, [
    ["portrait classify boot.pio --keep state -o state.pio", "an eighth of a boot that tells the same of its end"],
    ["portrait classify boot.pio --keep write-only -o - | portrait inspect -", "what a migration must have watched"],
  ]);
}

async function classify(session: Session, file: string, options: ClassifyOptions): Promise<ExitCode> {
  const { keep, output } = options;
  if (keep === "all") return copyAll(session, file, output);
  if (file === "-") throw new UsageError(`--keep ${keep} reads the trace twice: give it as a file`);
  const trace = await openClassified(session, file);
  try {
    const { classifier } = await knowledgeOf(session, trace, undefined);
    const keeper = new Keeper(classifier, keep);
    const target = await openSink(session, output, file);
    const writer = new TraceWriter(target.sink, infoOf(session, trace.reader.info));
    try {
      const kept = new KeptWriter(writer);
      kept.marker(0, `${keep} of ${trace.name}, which was made by: ${trace.reader.info.command.join(" ")}`);
      await copyKept(session, trace, keeper, kept);
      await writer.close();
      const part = percent(kept.count, classifier.accesses);
      await warn(
        session,
        `${target.name}: ${count(kept.count)} of ${count(classifier.accesses)} accesses kept (${part})`,
      );
    } finally {
      await target.close();
    }
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}

async function copyKept(session: Session, trace: ClassifiedTrace, keeper: Keeper, kept: KeptWriter): Promise<void> {
  const again = classifierFor(trace);
  for await (const { batch, columns } of classifiedBatches(session, trace, again, { criteria: false })) {
    await kept.take(batch, (row) => keeper.keeps(batch, columns, row));
  }
  await kept.end();
}

async function copyAll(session: Session, file: string, output: string): Promise<ExitCode> {
  const trace = await openTrace(session, file);
  try {
    const target = await openSink(session, output, file);
    const writer = new TraceWriter(target.sink, infoOf(session, trace.reader.info));
    try {
      for await (const chunk of trace.reader.chunks()) {
        checkInterrupted(session);
        await writer.copy(chunk);
      }
      await writer.close();
    } finally {
      await target.close();
    }
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}

function infoOf({ commandLine }: Session, info: TraceInfo): TraceInfo {
  return { ...info, command: commandLine };
}
