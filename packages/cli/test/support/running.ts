import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Ended } from "./portrait.ts";

/** A command that runs, and what it has printed so far. */
export interface Running {
  /** Resolves once stdout or stderr has the text. */
  readonly printed: (text: string) => Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Watches a child from its start on. */
export function running(child: ChildProcess): Running {
  const output = { stdout: "", stderr: "" };
  const waiting: { text: string; resolve: () => void }[] = [];
  const has = (text: string) => output.stdout.includes(text) || output.stderr.includes(text);
  const take = (stream: "stdout" | "stderr") => (bytes: Buffer) => {
    output[stream] += bytes.toString();
    for (const { text, resolve } of waiting) if (has(text)) resolve();
  };
  child.stdout?.on("data", take("stdout"));
  child.stderr?.on("data", take("stderr"));
  return {
    printed: (text) => new Promise((resolve) => (has(text) ? resolve() : waiting.push({ text, resolve }))),
    ended: once(child, "close").then(() => ({ status: child.exitCode, ...output })),
  };
}
