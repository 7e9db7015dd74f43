import { spawnSync } from "node:child_process";
import type { Available } from "./available.ts";

/** Debian's Python, for which its packages are; not another one that comes first on the PATH. */
export const PYTHON = "/usr/bin/python3";

/** Debian's Python, where it has the module. */
export function pythonWith(module: string): Available<string> {
  if (spawnSync(PYTHON, ["-c", `import ${module}`]).status === 0) return { available: true, value: PYTHON };
  return { available: false, reason: `no Python with ${module} on this machine` };
}
