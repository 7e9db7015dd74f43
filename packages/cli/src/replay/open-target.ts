import { ScriptTarget, type PortTarget } from "@portrait/replayer";
import { RefusedError, UsageError } from "../errors.ts";
import { openSink } from "../output/trace-file.ts";
import type { Session } from "../session.ts";

/** A port target, and what can be done with it. */
export interface OpenTarget {
  readonly target: PortTarget;
  /** True when it takes stdout for itself. */
  readonly usesStdout: boolean;
  close(): Promise<void>;
}

/** Kinds of target that are real hardware. */
const HARDWARE = new Set(["devport"]);

/**
 * Opens the target a `--target` names: `script:PATH`.
 * @throws RefusedError for real hardware without permission, UsageError for a target there is not.
 */
export async function openTarget(
  session: Session,
  text: string,
  options: { readonly input: string; readonly allowHardware: boolean; readonly readsBack: boolean },
): Promise<OpenTarget> {
  const [, kind = text, place = ""] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (HARDWARE.has(kind) && !options.allowHardware) {
    throw new RefusedError(
      `--target ${kind} writes to this computer's own ports and can stop it. Look at --dry-run first; ` +
        "--allow-hardware does it",
    );
  }
  if (kind !== "script") {
    throw new UsageError(`--target ${text}: there is no target "${kind}" in this version; use script:PATH`);
  }
  if (options.readsBack) throw new UsageError("--verify: a script cannot be read back");
  if (place === "") throw new UsageError("--target script: needs a file, script:PATH, or script:- for stdout");
  return openScript(session, place, options.input);
}

async function openScript(session: Session, path: string, input: string): Promise<OpenTarget> {
  if (path === "-") {
    const target = new ScriptTarget("stdout", async (text) => {
      session.out.write(text);
      await session.out.drain();
    });
    return { target, usesStdout: true, close: () => Promise.resolve() };
  }
  const file = await openSink(session, path, input);
  const target = new ScriptTarget(path, (text) => file.sink.write(Buffer.from(text)));
  return { target, usesStdout: false, close: () => file.close() };
}
