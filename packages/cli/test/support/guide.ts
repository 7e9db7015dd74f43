import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Ended } from "./portrait.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
/** The set-up of a fresh clone; tests run after it. */
const SETUP = "npm run --silent setup";

/** Runs the commands of a page of docs/, in order, as one script in the repository's folder; whatever happens, what it started ends. */
export function runGuide(page: string, options: { readonly timeout: number }): Ended {
  const text = readFileSync(fileURLToPath(new URL(`../../../../docs/${page}`, import.meta.url)), "utf8");
  const commands = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? "").join("\n");
  const script = `set -e -m\ntrap 'kill -INT $(jobs -p) 2>/dev/null || :; wait; rm -rf "$T"' EXIT\n${commands.replace(SETUP, ":")}`;
  expect(script).not.toContain(SETUP);
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: ROOT, encoding: "utf8", ...options });
  return { status, stdout, stderr };
}
