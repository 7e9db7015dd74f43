import type { Command } from "commander";
import { makePlan } from "@portrait/replayer";
import type { ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { knowledgeOf, openClassified } from "../input/classified-trace.ts";
import { reportDamage } from "../input/open-trace.ts";
import { planJson } from "../plan/plan-json.ts";
import { planText } from "../plan/plan-text.ts";
import { parseCount } from "../quantities.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface PlanOptions {
  readonly at?: number;
  readonly output: ReportFormat;
}

/** `portrait plan`. */
export function addPlan(program: Command, runner: Runner): void {
  const command = program
    .command("plan")
    .description(
      "Print the accesses that bring a fresh machine to the state at the end: origin, reason and risk of each.",
    )
    .argument("<file>", "trace, or - for stdin")
    .option("--at <seq>", "the state right after this access (default: after the last)", parseCount)
    .addOption(reportFormatOption())
    .action((file: string, options: PlanOptions, self: Command) =>
      runner.run(self, (session) => plan(session, file, options)),
    );
  examples(command, [
    ["portrait plan boot.pio", "what still matters of a boot"],
    ["portrait plan boot.pio -o json | jq '.steps[] | select(.risk != \"safe\")'", "what to look at twice"],
  ]);
}

async function plan(session: Session, file: string, options: PlanOptions): Promise<ExitCode> {
  const trace = await openClassified(session, file);
  try {
    const { classifier } = await knowledgeOf(session, trace, options.at);
    const made = makePlan(classifier);
    if (options.output === "json") session.out.line(json(planJson(made)));
    else for (const line of planText(made, session.colors)) session.out.line(line);
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}
