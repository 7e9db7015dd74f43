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
  readonly #saveListeners = new Set<() => void>();

  constructor(argv: readonly string[]) {
    this.#commandLine = ["portrait", ...argv];
  }

  /** Runs a command to its end, with what it wrote handed on. */
  async run(command: Command, body: (session: Session) => Promise<ExitCode>): Promise<void> {
    const session = this.#session(command.optsWithGlobals<GlobalOptions>());
    const interrupt = () => this.#abort.abort(new InterruptedError("interrupted"));
    // Without a listener, Node would open a debugger.
    const save = () => this.#saveListeners.forEach((listener) => listener());
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt).on("SIGUSR1", save);
    try {
      this.exit = await body(session);
    } finally {
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt).off("SIGUSR1", save);
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
        this.#saveListeners.add(listener);
        return () => this.#saveListeners.delete(listener);
      },
      devices: devices ?? [],
      commandLine: this.#commandLine,
    };
  }
}
