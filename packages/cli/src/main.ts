import { TraceWriteError } from "@portrait/tracer";
import { CommanderError } from "commander";
import { codeOf, EXIT, explain } from "./errors.ts";
import { buildProgram } from "./program.ts";
import { Runner } from "./runner.ts";

/** Runs the command line and gives the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const runner = new Runner(argv);
  try {
    await buildProgram(runner).parseAsync(argv, { from: "user" });
    return runner.exit;
  } catch (error) {
    return report(error, runner);
  }
}

async function report(error: unknown, runner: Runner): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
  if (codeOf(error) === "READER_GONE" || isClosedPipe(error)) return EXIT.done;
  const { message, exit } = explain(error);
  runner.err.line(`portrait: ${message}`);
  await runner.err.drain().catch(() => undefined);
  return exit;
}

/** True when a trace was being written to a pipe nobody reads any more. */
function isClosedPipe(error: unknown): boolean {
  return error instanceof TraceWriteError && codeOf(error.cause) === "EPIPE";
}
