import { Option, type Command } from "commander";
import { AccessText } from "../access/access-text.ts";
import { accessPrinter, remarkOf, type AccessFormat, type Remark } from "../access/access-printer.ts";
import { AccessWindow } from "../access/access-window.ts";
import { shownAccess } from "../access/shown-access.ts";
import { UsageError, type ExitCode } from "../errors.ts";
import { compileFilter } from "../filter/compile.ts";
import type { RowTest } from "../filter/row-test.ts";
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
import { parseCount, parseSeqRange, parseTime, type SeqRange } from "../quantities.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface InspectOptions {
  readonly filter?: string;
  readonly seq?: SeqRange;
  readonly begin?: number;
  readonly end?: number;
  readonly head?: number;
  readonly tail?: number;
  readonly follow?: true;
  readonly output: AccessFormat;
}

/** `portrait inspect`. */
export function addInspect(program: Command, runner: Runner): void {
  const command = program
    .command("inspect")
    .description("Print the accesses of a trace with device, register, fields, verdict and the criteria that decided.")
    .argument("<file>", "trace, or - for stdin")
    .option("-f, --filter <expr>", "only accesses for which this holds, e.g. 'port in 0x1f0..0x1f7 && dir == out'")
    .option("--seq <range>", "only these access numbers: A..B, A.., ..B", parseSeqRange)
    .option("--begin <time>", "only from this time on: 1.5s, 20ms, 3us, 100ns", parseTime)
    .option("--end <time>", "only before this time", parseTime)
    .option("--head <n>", "only the first n of these", parseCount)
    .addOption(new Option("--tail <n>", "only the last n of these").argParser(parseCount).conflicts("head"))
    .addOption(new Option("--follow", "wait for more while the trace is being written").conflicts("tail"))
    .addOption(
      new Option("-o, --output <format>", "how to print them")
        .choices(["text", "json", "ndjson", "csv"])
        .default("text"),
    )
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
    const text = new AccessText(session.colors, trace.reader.info.clock);
    const window = new AccessWindow(session.out, accessPrinter(options.output, text), options);
    const filter = options.filter === undefined ? undefined : compileFilter(options.filter, trace.library);
    const selection = selectionOf(options, filter);
    for await (const one of batchesOf(session, trace, options)) {
      await showBatch(one, trace, window, selection);
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
  { seq, end, follow }: InspectOptions,
): AsyncGenerator<ClassifiedBatch, void, undefined> {
  const limits = {
    criteria: true,
    ...(seq !== undefined && seq.last !== Infinity && { lastSeq: seq.last }),
    ...(end !== undefined && { endTime: end }),
  };
  const classifier = classifierFor(trace);
  return follow === true
    ? followedBatches(session, trace, classifier, limits)
    : classifiedBatches(session, trace, classifier, limits);
}

/** What of a batch is shown. What lies after the range has been left out already. */
interface Selection {
  readonly access: RowTest;
  readonly remark: (remark: Remark) => boolean;
}

function selectionOf({ seq, begin = 0 }: InspectOptions, filter: RowTest | undefined): Selection {
  const first = seq?.first ?? 0;
  return {
    access: (batch, columns, row) =>
      batch.firstSeq + row >= first &&
      (batch.time[row] ?? 0) >= begin &&
      (filter === undefined || filter(batch, columns, row)),
    remark: (remark) => remark.seq >= first && remark.time >= begin && (filter === undefined || "gap" in remark),
  };
}

async function showBatch(
  { batch, columns }: ClassifiedBatch,
  { library }: ClassifiedTrace,
  window: AccessWindow,
  selection: Selection,
): Promise<void> {
  const remarks = [...batch.gaps, ...batch.markers]
    .sort((a, b) => a.index - b.index)
    .map((item) => remarkOf(item, batch.firstSeq))
    .filter(selection.remark);
  let next = 0;
  for (let row = 0; row <= batch.length && !window.full; row++) {
    for (let one = remarks[next]; one !== undefined && one.seq <= batch.firstSeq + row; one = remarks[++next]) {
      window.remark(one);
    }
    if (row === batch.length || !selection.access(batch, columns, row)) continue;
    if (window.access(() => shownAccess(batch, columns, row, library))) await window.drain();
  }
}
