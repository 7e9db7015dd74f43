import type { Command } from "commander";
import { EXIT, InterruptedError, type ExitCode } from "./errors.ts";
import { colorsFor, type ColorChoice } from "./output/colors.ts";
import { Output } from "./output/output.ts";
import type { Session } from "./session.ts";

/** Options every command takes. */
export interface GlobalOptions {
  readonly color: ColorChoice;
  readonly devices?: readonly string[];
}

/** Makes the session a command runs in, and keeps the exit code it gives. */
export class Runner {
  readonly out = new Output(process.stdout);
  readonly err = new Output(process.stderr);
  exit: ExitCode = EXIT.done;
  readonly #commandLine: readonly string[];
  readonly #abort = new AbortController();

  constructor(argv: readonly string[]) {
    this.#commandLine = ["portrait", ...argv];
  }

  /** Runs a command to its end, with what it wrote handed on. */
  async run(command: Command, body: (session: Session) => Promise<ExitCode>): Promise<void> {
    const session = this.#session(command.optsWithGlobals<GlobalOptions>());
    const interrupt = () => this.#abort.abort(new InterruptedError("interrupted"));
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    try {
      this.exit = await body(session);
    } finally {
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
      await this.out.drain();
    }
  }

  #session({ color, devices }: GlobalOptions): Session {
    const colors = (stream: NodeJS.WriteStream) =>
      colorsFor({ choice: color, isTerminal: stream.isTTY, env: process.env });
    return {
      out: this.out,
      err: this.err,
      colors: colors(process.stdout),
      errColors: colors(process.stderr),
      drawProgress: process.stderr.isTTY ? (line) => void process.stderr.write(`\r\x1b[K${line}`) : undefined,
      stdin: process.stdin,
      stdout: process.stdout,
      signal: this.#abort.signal,
      onSaveRequest: (listener) => {
        process.on("SIGUSR1", listener);
        return () => process.off("SIGUSR1", listener);
      },
      devices: devices ?? [],
      commandLine: this.#commandLine,
    };
  }
}
