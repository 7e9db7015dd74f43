import type { Command } from "commander";
import { carryOut, makePlan, verifyTarget, type Plan } from "@portrait/replayer";
import { EXIT, RefusedError, UsageError, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { knowledgeOf, openClassified, type Knowledge } from "../input/classified-trace.ts";
import { openTrace, reportDamage } from "../input/open-trace.ts";
import { plural } from "../output/numbers.ts";
import { planJson } from "../plan/plan-json.ts";
import { planText } from "../plan/plan-text.ts";
import { unknownText } from "../plan/unknown-text.ts";
import { parseCount } from "../quantities.ts";
import { openTarget, type OpenTarget } from "../replay/open-target.ts";
import { replayRaw } from "../replay/replay-raw.ts";
import { reportJson, reportText } from "../replay/replay-report.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

interface ReplayOptions {
  readonly target?: string;
  readonly at?: number;
  readonly raw?: true;
  readonly dryRun?: true;
  readonly verify?: true;
  readonly timing?: true;
  readonly allowUnknown?: true;
  readonly allowHardware?: true;
  readonly output: ReportFormat;
}

/** `portrait replay`. */
export function addReplay(program: Command, runner: Runner): void {
  const command = program
    .command("replay")
    .description(
      "Carry the plan of a trace out on a machine. Refused (exit code 3) while something of the state is unknown.",
    )
    .argument("<file>", "trace, or - for stdin")
    .option(
      "--target <target>",
      "script:PATH, a qtest script (script:- to stdout); qtest:SOCKET, a QEMU; v86:cold, to try it",
    )
    .option("--at <seq>", "the state right after this access (default: after the last)", parseCount)
    .option("--raw", "every write as it was recorded, instead of the plan")
    .option("--dry-run", "print what would be done and do nothing")
    .option("--verify", "afterwards, read back what can be read and compare; exit code 1 if it differs")
    .option("--timing", "with --raw: as far apart as the writes were recorded")
    .option("--allow-unknown", "leave out what is not known instead of refusing")
    .option("--allow-hardware", "allow a target that is real hardware")
    .addOption(reportFormatOption())
    .action((file: string, options: ReplayOptions, self: Command) =>
      runner.run(self, (session) => replay(session, file, options)),
    );
  examples(command, [
    ["portrait replay boot.pio --dry-run", "what would be written, and why"],
    ["portrait replay boot.pio --target qtest:/run/qtest.sock --verify", "onto a QEMU, and see whether it took"],
  ]);
}

function checkOptions({ target, at, raw, dryRun, verify, timing }: ReplayOptions): void {
  if (target === undefined && dryRun !== true) throw new UsageError("say where to: --target script:PATH, or --dry-run");
  if (raw === true && at !== undefined) throw new UsageError("--at is for the plan, not for --raw");
  if (raw === true && verify === true) throw new UsageError("--verify compares with what is known: leave --raw out");
  if (timing === true && raw !== true) throw new UsageError("a plan has no tempo: --timing goes with --raw");
}

async function replay(session: Session, file: string, options: ReplayOptions): Promise<ExitCode> {
  checkOptions(options);
  return options.raw === true ? replayRecorded(session, file, options) : replayPlan(session, file, options);
}

async function replayRecorded(session: Session, file: string, options: ReplayOptions): Promise<ExitCode> {
  const trace = await openTrace(session, file);
  try {
    const opened = await open(session, file, options.dryRun === true ? { ...options, target: "script:-" } : options);
    try {
      const timing = options.timing === true && options.dryRun !== true;
      const writes = await replayRaw(session, trace.reader.batches(), opened.target, { timing });
      await warn(session, `${opened.target.name}: ${plural(writes, "write")}, as recorded`);
    } finally {
      await opened.close();
    }
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}

async function replayPlan(session: Session, file: string, options: ReplayOptions): Promise<ExitCode> {
  const trace = await openClassified(session, file);
  try {
    const knowledge = await knowledgeOf(session, trace, options.at);
    const plan = makePlan(knowledge.classifier);
    const damage = await reportDamage(session, trace);
    if (options.dryRun === true) {
      if (options.output === "json") session.out.line(json(planJson(plan)));
      else for (const line of planText(plan, session.colors)) session.out.line(line);
      return damage;
    }
    refuseUnknown(plan, options);
    const carried = await carryOutPlan(session, file, knowledge, plan, options);
    return damage === EXIT.done ? carried : damage;
  } finally {
    await trace.close();
  }
}

function refuseUnknown({ unknown }: Plan, { allowUnknown }: ReplayOptions): void {
  if (unknown.length === 0 || allowUnknown === true) return;
  throw new RefusedError(
    `${plural(unknown.length, "register is", "registers are")} not known, so the machine would not be as it was:\n` +
      `${unknownText(unknown).join("\n")}\n` +
      "--allow-unknown leaves them as they are; portrait plan lists them all",
  );
}

async function carryOutPlan(
  session: Session,
  file: string,
  { classifier }: Knowledge,
  plan: Plan,
  options: ReplayOptions,
): Promise<ExitCode> {
  const opened = await open(session, file, options);
  try {
    const carried = await carryOut(plan.steps, opened.target);
    const verified = options.verify === true ? await verifyTarget(classifier, opened.target) : undefined;
    const report = { target: opened.target.name, steps: plan.steps.length, carried, verified };
    const print = opened.usesStdout ? session.err : session.out;
    if (options.output === "json") print.line(json(reportJson(report)));
    else for (const line of reportText(report)) print.line(line);
    await print.drain();
    return verified === undefined || verified.different.length === 0 ? EXIT.done : EXIT.different;
  } finally {
    await opened.close();
  }
}

function open(session: Session, input: string, options: ReplayOptions): Promise<OpenTarget> {
  const { target = "", allowHardware, verify } = options;
  return openTarget(session, target, { input, allowHardware: allowHardware === true, readsBack: verify === true });
}
