import { KvmError, MigrationError, QemuError, StreamError } from "@portrait/vmm";
import { messageOf } from "@portrait/tracer";

/** Exit codes of the command. */
export const EXIT = {
  done: 0,
  different: 1,
  badInput: 2,
  refused: 3,
  ourMistake: 70,
  interrupted: 130,
} as const;

/** An exit code of the command. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Arguments or files that do not make sense; the message says what to do instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

/** Something that is not done without an option that allows it; the message names the option. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code = "REFUSED";
}

/** Whoever read our output has closed it. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
  readonly code = "READER_GONE";
}

/** Ctrl-C or SIGTERM. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  readonly code = "INTERRUPTED";
}

/** Codes of typed errors that mean bad usage or bad input; their messages are made for people. */
const BAD_INPUT = new Set(["USAGE", "FILTER", "DESCRIPTION", "PORT_TARGET"]);

/** Codes of a migration's errors, and what they mean for whoever called. */
const MIGRATION_EXITS: Readonly<Record<string, ExitCode>> = {
  UNKNOWN_STATE: EXIT.refused,
  VERIFY: EXIT.different,
  FORMAT: EXIT.badInput,
  MISMATCH: EXIT.badInput,
  PEER: EXIT.badInput,
  DECLINED: EXIT.badInput,
  GIVEN_UP: EXIT.badInput,
  TIMEOUT: EXIT.badInput,
};

/** Operating system errors about files, in words. */
const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "you may not read or write it",
  EPERM: "you may not read or write it",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of its path is not a directory",
  EEXIST: "it exists already",
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
  EMFILE: "too many files are open",
  EADDRINUSE: "somebody listens there, or has left a socket file; remove it if nobody does",
};

/** Stable code of an error that has one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** What to tell the user of an error that ends the command, and the exit code. */
export function explain(error: unknown): { readonly message: string; readonly exit: ExitCode } {
  const code = codeOf(error);
  const message = messageOf(error);
  if (code === "INTERRUPTED" || code === "ABORT_ERR") return { message: "interrupted", exit: EXIT.interrupted };
  if (code === "REFUSED") return { message, exit: EXIT.refused };
  if (error instanceof MigrationError) return { message, exit: MIGRATION_EXITS[error.code] ?? EXIT.badInput };
  if (error instanceof QemuError || error instanceof KvmError || error instanceof StreamError)
    return { message, exit: EXIT.badInput };
  if (code !== undefined && (BAD_INPUT.has(code) || /^(TRACE|IMPORT|V86)_/.test(code)))
    return { message, exit: EXIT.badInput };
  const words = code === undefined ? undefined : FILE_ERRORS[code];
  if (words !== undefined) return { message: `${pathOf(error)}: ${words}`, exit: EXIT.badInput };
  return { message: bugReport(error), exit: EXIT.ourMistake };
}

/** Of an error about two files, the one that was to become of the other. */
function pathOf(error: unknown): string {
  if (!(error instanceof Error)) return "file";
  const path = "dest" in error ? error.dest : "path" in error ? error.path : undefined;
  return typeof path === "string" ? path : "file";
}

function bugReport(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    "this is a mistake in portrait, not in what you did. Please report it with the command line,",
    `"portrait --version", "node --version" and these lines:\n${stack}`,
  ].join("\n");
}
