import type { ChalkInstance } from "chalk";
import type { Readable } from "node:stream";
import { InterruptedError } from "./errors.ts";
import type { Output } from "./output/output.ts";

/** What a command may use of the world. */
export interface Session {
  /** Data; stdout. */
  readonly out: Output;
  /** Messages; stderr. */
  readonly err: Output;
  /** Colours for {@link out} and {@link err}. */
  readonly colors: ChalkInstance;
  readonly errColors: ChalkInstance;
  /** Redraws the progress line on stderr; undefined where stderr is no terminal. */
  readonly drawProgress: ((line: string) => void) | undefined;
  readonly stdin: Readable;
  /** For binary data; text goes to {@link out}. */
  readonly stdout: NodeJS.WritableStream;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Calls the listener on each SIGUSR1, until what it gives is called. */
  readonly onSaveRequest: (listener: () => void) => () => void;
  /** Folders with the user's own descriptions. */
  readonly devices: readonly string[];
  /** The command line, program name first. */
  readonly commandLine: readonly string[];
}

/** Says something on stderr that does not end the command. */
export async function warn(session: Session, message: string): Promise<void> {
  session.err.line(`${session.errColors.yellow("portrait:")} ${message}`);
  await session.err.drain();
}

/** Throws InterruptedError once Ctrl-C was pressed. */
export function checkInterrupted(session: Session): void {
  if (session.signal.aborted) throw new InterruptedError("interrupted");
}
