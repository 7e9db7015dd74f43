import type { Command } from "commander";
import type { ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { classifiedBatches, classifierFor, openClassified } from "../input/classified-trace.ts";
import { reportDamage } from "../input/open-trace.ts";
import { compileFilter } from "../filter/compile.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";
import { statsJson, type TraceFacts } from "../stats/stats-json.ts";
import { statsText } from "../stats/stats-text.ts";
import { TraceStats } from "../stats/trace-stats.ts";

interface StatsOptions {
  readonly filter?: string;
  readonly output: ReportFormat;
}

/** `portrait stats`. */
export function addStats(program: Command, runner: Runner): void {
  const command = program
    .command("stats")
    .description(
      "Count a trace by device, register and verdict; show rates, poll loops and what no description covers.",
    )
    .argument("<file>", "trace, or - for stdin")
    .option("-f, --filter <expr>", "only accesses for which this holds")
    .addOption(reportFormatOption())
    .action((file: string, options: StatsOptions, self: Command) =>
      runner.run(self, (session) => stats(session, file, options)),
    );
  examples(command, [
    ["portrait stats boot.pio", "what the guest did, and to which devices"],
    ["portrait stats boot.pio -o json | jq '.uncovered.ports[].port'", "ports that lack a description"],
  ]);
}

async function stats(session: Session, file: string, options: StatsOptions): Promise<ExitCode> {
  const trace = await openClassified(session, file);
  try {
    const filter = options.filter === undefined ? undefined : compileFilter(options.filter, trace.library);
    const counted = new TraceStats(trace.library);
    for await (const { batch, columns } of classifiedBatches(session, trace, classifierFor(trace), {
      criteria: false,
    })) {
      counted.add(batch, columns, filter);
    }
    const facts: TraceFacts = {
      name: trace.name,
      info: trace.reader.info,
      bytes: filter === undefined ? await trace.source.size() : undefined,
    };
    if (options.output === "json") session.out.line(json(statsJson(counted, facts)));
    else for (const line of statsText(counted, facts, session.colors)) session.out.line(line);
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}
