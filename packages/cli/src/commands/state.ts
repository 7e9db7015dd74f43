import type { Command } from "commander";
import type { ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { knowledgeOf, openClassified } from "../input/classified-trace.ts";
import { reportDamage } from "../input/open-trace.ts";
import { stateText } from "../knowledge/state-text.ts";
import { stateView } from "../knowledge/state-view.ts";
import { parseCount } from "../quantities.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

interface StateOptions {
  readonly at?: number;
  readonly all?: true;
  readonly output: ReportFormat;
}

/** `portrait state`. */
export function addState(program: Command, runner: Runner): void {
  const command = program
    .command("state")
    .description("Print what is known of every register, from which accesses, and what is unknown and why.")
    .argument("<file>", "trace, or - for stdin")
    .option("--at <seq>", "right after this access (default: after the last)", parseCount)
    .option("--all", "also devices the guest has not used")
    .addOption(reportFormatOption())
    .action((file: string, options: StateOptions, self: Command) =>
      runner.run(self, (session) => state(session, file, options)),
    );
  examples(command, [
    ["portrait state boot.pio --at 1233", "in the middle of an initialisation"],
    ["portrait state boot.pio -o json | jq .devices.pic1.registers.ICW2", "the interrupt vector base"],
  ]);
}

async function state(session: Session, file: string, options: StateOptions): Promise<ExitCode> {
  const trace = await openClassified(session, file);
  try {
    const { classifier, at } = await knowledgeOf(session, trace, options.at);
    const devices = stateView(classifier, { all: options.all === true });
    if (options.output === "json") session.out.line(json({ at, devices }));
    else for (const line of stateText(devices, session.colors)) session.out.line(line);
    return await reportDamage(session, trace);
  } finally {
    await trace.close();
  }
}
