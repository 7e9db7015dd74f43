import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PORTRAIT = fileURLToPath(new URL("../../bin/portrait.js", import.meta.url));

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder for one test file's traces, with the command running in it. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), "portrait-cli-"));
  readonly #started: ChildProcess[] = [];

  /** Full path of a file in it. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs the command to its end. */
  run(...args: readonly string[]): Ended {
    return this.runWith({}, ...args);
  }

  /** Runs the command with bytes on stdin or other environment variables. */
  runWith(
    options: { readonly input?: Uint8Array; readonly env?: NodeJS.ProcessEnv },
    ...args: readonly string[]
  ): Ended {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PORTRAIT, ...args], {
      cwd: this.folder,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      ...(options.input !== undefined && { input: options.input }),
      env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, ...options.env },
    });
    return { status, stdout, stderr };
  }

  /** Runs the command and gives what it prints as JSON. */
  json(...args: readonly string[]): unknown {
    return JSON.parse(this.run(...args, "-o", "json").stdout) as unknown;
  }

  /** Runs a shell line in which `portrait` is the command. */
  shell(line: string): Ended {
    const script = `portrait() { "${process.execPath}" "${PORTRAIT}" "$@"; }; set -o pipefail; ${line}`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], {
      cwd: this.folder,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    return { status, stdout, stderr };
  }

  /** Starts the command; give the child's end to {@link ended}. */
  start(...args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [PORTRAIT, ...args], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#started.push(child);
    return child;
  }

  /** Removes the folder, and ends what a test that failed has left running in it. */
  remove(): void {
    for (const child of this.#started) if (child.exitCode === null) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true });
  }
}

/** Waits for a child to end; gives its exit code and everything it printed from now on. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  await once(child, "close");
  return { status: child.exitCode, stdout, stderr };
}
