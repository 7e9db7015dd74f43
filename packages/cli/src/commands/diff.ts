import { Option, type Command } from "commander";
import { compareAccesses } from "../diff/compare-accesses.ts";
import { compareStates } from "../diff/compare-states.ts";
import { JsonHunks, TextHunks } from "../diff/print-hunks.ts";
import { TokenStream } from "../diff/token-stream.ts";
import { EXIT, UsageError, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import {
  classifiedBatches,
  classifierFor,
  knowledgeOf,
  openClassified,
  type ClassifiedTrace,
} from "../input/classified-trace.ts";
import { reportDamage } from "../input/open-trace.ts";
import { contentText } from "../knowledge/state-text.ts";
import { plural } from "../output/numbers.ts";
import { parseCount } from "../quantities.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface DiffOptions {
  readonly by: "access" | "state";
  readonly exact?: true;
  readonly at?: number;
  readonly output: ReportFormat;
}

/** `portrait diff`. */
export function addDiff(program: Command, runner: Runner): void {
  const command = program
    .command("diff")
    .summary("Compare two traces, by access or by state. Exit code 1 if they differ.")
    .description(
      "Compare two traces. Exit code 1 if they differ.\n\n" +
        "By access: what was done to the ports, in which order; times are left out, reads of one port in a row count as " +
        "one, and values read do not count unless --exact.\n" +
        "By state: what is known of every register at the end, or at --at.",
    )
    .argument("<a>", "trace, or - for stdin")
    .argument("<b>", "trace, or - for stdin")
    .addOption(new Option("--by <what>", "what to compare").choices(["access", "state"]).default("access"))
    .option("--exact", "by access: every single read and its value counts")
    .option("--at <seq>", "by state: right after this access of both", parseCount)
    .addOption(reportFormatOption())
    .action((a: string, b: string, options: DiffOptions, self: Command) =>
      runner.run(self, (session) => diff(session, a, b, options)),
    );
  examples(command, [
    ["portrait diff seabios-1.16.pio seabios-1.17.pio", "what a new firmware does differently"],
    ["portrait diff v86.pio qemu.pio --by state", "do both leave the devices alike?"],
  ]);
}

async function diff(session: Session, a: string, b: string, options: DiffOptions): Promise<ExitCode> {
  if (a === "-" && b === "-") throw new UsageError("only one of the two traces can be stdin");
  if (options.by === "access" && options.at !== undefined) throw new UsageError("--at is for --by state");
  if (options.by === "state" && options.exact === true) throw new UsageError("--exact is for --by access");
  const one = await openClassified(session, a);
  try {
    const other = await openClassified(session, b);
    try {
      const equal = await (options.by === "access" ? byAccess : byState)(session, one, other, options);
      const damage = Math.max(await reportDamage(session, one), await reportDamage(session, other));
      return damage > 0 ? EXIT.badInput : equal ? EXIT.done : EXIT.different;
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}

async function byState(
  session: Session,
  a: ClassifiedTrace,
  b: ClassifiedTrace,
  options: DiffOptions,
): Promise<boolean> {
  const one = await knowledgeOf(session, a, options.at);
  const other = await knowledgeOf(session, b, options.at);
  const { compared, unknown, different } = compareStates(one.classifier, other.classifier);
  const equal = different.length === 0;
  const { out, colors } = session;
  if (options.output === "json") {
    out.line(json({ equal, at: { a: one.at, b: other.at }, compared, unknown, different }));
    return equal;
  }
  for (const { device, register, a: was, b: is } of different) {
    out.line(colors.bold(`${device}.${register}`));
    out.line(colors.red(`- ${contentText(was)}`));
    out.line(colors.green(`+ ${contentText(is)}`));
  }
  const neither = unknown === 0 ? "" : `; ${unknown} known to neither`;
  out.line(`${plural(compared, "register")} compared, ${different.length} different${neither}`);
  return equal;
}

async function byAccess(
  session: Session,
  a: ClassifiedTrace,
  b: ClassifiedTrace,
  options: DiffOptions,
): Promise<boolean> {
  const tokens = (trace: ClassifiedTrace) =>
    new TokenStream(classifiedBatches(session, trace, classifierFor(trace), { criteria: false }), {
      exact: options.exact === true,
    });
  const print = options.output === "json" ? new JsonHunks(session.out, a, b) : new TextHunks(session, a, b);
  const counts = { added: 0, removed: 0 };
  let first: { readonly a: number; readonly b: number } | undefined;
  for await (const hunk of compareAccesses(tokens(a), tokens(b))) {
    first ??= { a: hunk.a, b: hunk.b };
    counts.added += hunk.added.length;
    counts.removed += hunk.removed.length;
    if (print.hunk(hunk)) await session.out.drain();
  }
  print.end(first, counts);
  return first === undefined;
}
