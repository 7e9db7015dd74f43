import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's root, without a trailing slash. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");

/** Runs a program in the root with its output shown; true when it exits 0. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) console.error(`${program}: ${result.error.message}`);
  return result.status === 0;
}

/** Runs one of the workspace's own tools, named by its script below node_modules; true when it exits 0. */
export function runTool(script, args, options = {}) {
  return run(process.execPath, [`node_modules/${script}`, ...args], options);
}

/** Standard output of a program run in the root; undefined when it cannot be started or does not exit 0. */
export function outputOf(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26, ...options });
  return result.status === 0 ? result.stdout : undefined;
}

/** True when a program of that name is on the PATH. */
export function hasProgram(name) {
  return outputOf("sh", ["-c", 'command -v "$0"', name]) !== undefined;
}

/** Prints `message` on stderr and ends the process with exit code 1. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}
