import type { Command } from "commander";
import { recoverTrace } from "@portrait/tracer";
import { EXIT, type ExitCode } from "../errors.ts";
import { examples } from "../help.ts";
import { describeProblem, openSource } from "../input/open-trace.ts";
import { plural } from "../output/numbers.ts";
import { openSink } from "../output/trace-file.ts";
import type { Runner } from "../runner.ts";
import { warn, type Session } from "../session.ts";

/** `portrait recover`. */
export function addRecover(program: Command, runner: Runner): void {
  const command = program
    .command("recover")
    .description("Save what can be read of a damaged trace; whatever is missing becomes a gap.")
    .argument("<file>", "damaged trace, or - for stdin")
    .requiredOption("-o, --output <file>", "trace to write, or - for stdout")
    .action((file: string, { output }: { output: string }, self: Command) =>
      runner.run(self, (session) => recover(session, file, output)),
    );
  examples(command, [
    ["portrait recover crashed.pio -o whole.pio", "after a crash or a full disk"],
    ["portrait recover crashed.pio -o - | portrait stats -", "look without writing a file"],
  ]);
}

async function recover(session: Session, file: string, output: string): Promise<ExitCode> {
  const opened = await openSource(session, file);
  try {
    const saved = await openSink(session, output, file);
    try {
      const { accesses, chunks, problems } = await recoverTrace(opened.source, saved.sink);
      for (const problem of problems) await warn(session, `${opened.name}: ${describeProblem(problem)}`);
      const held = `${plural(accesses, "access", "accesses")} in ${plural(chunks, "chunk")}`;
      await warn(session, `${saved.name}: ${held} saved`);
      return EXIT.done;
    } finally {
      await saved.close();
    }
  } finally {
    await opened.close();
  }
}
