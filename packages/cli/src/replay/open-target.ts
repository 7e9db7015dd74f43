import { ScriptTarget, type PortTarget } from "@portrait/replayer";
import { createV86Machine, QtestTarget } from "@portrait/vmm";
import { RefusedError, UsageError } from "../errors.ts";
import { openText } from "../output/trace-file.ts";
import type { Session } from "../session.ts";

/** A port target that is ready. */
export interface OpenTarget {
  readonly target: PortTarget;
  /** True when it takes stdout for itself. */
  readonly usesStdout: boolean;
  close(): Promise<void>;
}

/** How a target is to be opened. */
export interface TargetOptions {
  /** File the trace is read from. */
  readonly input: string;
  readonly allowHardware: boolean;
  /** True when the target is read back afterwards. */
  readonly readsBack: boolean;
}

/** Kinds of target that are real hardware. */
const HARDWARE = new Set(["devport"]);

const TARGETS = "script:PATH, qtest:SOCKET or v86:cold";

/**
 * Opens the target that `--target` names: `script:PATH`, `qtest:SOCKET`, `v86:cold`.
 * @throws RefusedError for real hardware without permission, UsageError for a target there is not.
 */
export async function openTarget(session: Session, text: string, options: TargetOptions): Promise<OpenTarget> {
  const [, kind = text, place = ""] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (HARDWARE.has(kind) && !options.allowHardware) {
    throw new RefusedError(
      `--target ${kind} writes to this computer's own ports and can stop it. Look at --dry-run first; ` +
        "--allow-hardware does it",
    );
  }
  if (kind === "script" && place !== "") return openScript(session, place, options);
  if (kind === "qtest" && place !== "") return openQtest(place);
  if (kind === "v86" && place === "cold") return openColdV86();
  throw new UsageError(`--target ${text}: there is no such target in this version; use ${TARGETS}`);
}

async function openScript(session: Session, path: string, options: TargetOptions): Promise<OpenTarget> {
  if (options.readsBack) throw new UsageError("--verify: a script cannot be read back");
  const file = await openText(session, path, options.input);
  const target = new ScriptTarget(file.name, async (text) => {
    file.out.write(text);
    await file.out.drain();
  });
  return { target, usesStdout: path === "-", close: () => file.close() };
}

async function openQtest(path: string): Promise<OpenTarget> {
  const target = await QtestTarget.connect(path);
  return { target, usesStdout: false, close: () => Promise.resolve(target.close()) };
}

/** A machine without a guest, to see whether a plan takes; it is gone afterwards. */
async function openColdV86(): Promise<OpenTarget> {
  const machine = await createV86Machine({ name: "cold" });
  return { target: machine.ports, usesStdout: false, close: () => machine.destroy() };
}
