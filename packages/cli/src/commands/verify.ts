import type { Command } from "commander";
import { verifyTrace, type TraceReport } from "@portrait/tracer";
import { EXIT, type ExitCode } from "../errors.ts";
import { json, reportFormatOption, type ReportFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { describeProblem, openSource } from "../input/open-trace.ts";
import { count, plural } from "../output/numbers.ts";
import type { Runner } from "../runner.ts";
import type { Session } from "../session.ts";

/** `portrait verify`. */
export function addVerify(program: Command, runner: Runner): void {
  const command = program
    .command("verify")
    .description("Check every byte of a trace: checksums, counts, the index. Exit code 1 if anything is wrong.")
    .argument("<file>", "trace, or - for stdin")
    .addOption(reportFormatOption())
    .action((file: string, { output }: { output: ReportFormat }, self: Command) =>
      runner.run(self, (session) => verify(session, file, output)),
    );
  examples(command, [
    ["portrait verify boot.pio", "is it whole?"],
    ["portrait verify -o json boot.pio | jq '.problems[].offset'", "where it is not"],
  ]);
}

async function verify(session: Session, file: string, format: ReportFormat): Promise<ExitCode> {
  const opened = await openSource(session, file);
  try {
    const report = await verifyTrace(opened.source);
    const ok = report.problems.length === 0;
    if (format === "json") session.out.line(json({ ok, ...report }));
    else for (const line of inWords(opened.name, report)) session.out.line(line);
    return ok ? EXIT.done : EXIT.different;
  } finally {
    await opened.close();
  }
}

function inWords(name: string, report: TraceReport): string[] {
  const { accesses, chunks, chunkBytes, problems } = report;
  const held = `${plural(accesses, "access", "accesses")} in ${plural(chunks, "chunk")} (${count(chunkBytes)} bytes)`;
  if (problems.length === 0) return [`${name}: whole; ${held}`];
  return [
    `${name}: ${plural(problems.length, "problem")}; readable: ${held}`,
    ...problems.map((problem) => `  ${describeProblem(problem)}  ${problem.code}`),
    ...(chunks > 0 ? ["To save what can be read: portrait recover FILE -o NEW"] : []),
  ];
}
