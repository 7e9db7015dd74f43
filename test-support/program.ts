import { spawnSync } from "node:child_process";
import type { Available } from "./available.ts";

/** A program on the PATH, by the name it is called with. */
export function program(name: string): Available<string> {
  const found = spawnSync("sh", ["-c", 'command -v "$0"', name]).status === 0;
  return found ? { available: true, value: name } : { available: false, reason: `no ${name} on this machine` };
}
