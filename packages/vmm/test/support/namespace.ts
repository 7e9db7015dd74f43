import { execFile, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { withLimit } from "../../src/qemu/limit.ts";

const RUN_LIMIT_MS = 20_000;

/** Makes a process as Node's `spawn` does. */
export type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/**
 * A network namespace. It is there as long as a process is in it: one that waits for the end of its input, which is this process's end at the
 * latest, and those that are started in it, which end with this process as well.
 */
export class Namespace {
  readonly pid: number;

  private constructor(pid: number) {
    this.pid = pid;
  }

  /** One that goes with the test, made by a command that runs its arguments in it. */
  static async make([command, ...args]: readonly [string, ...string[]]): Promise<Namespace> {
    const holder = spawn(command, [...args, "sh", "-c", "echo && exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(holder, "exit");
    onTestFinished(async () => {
      holder.kill("SIGKILL");
      await ended;
    });
    await withLimit(once(holder.stdout, "readable"), RUN_LIMIT_MS, `${command} made no network namespace`);
    if (holder.pid === undefined) throw new Error(`${command} was not started`);
    return new Namespace(holder.pid);
  }

  /** Another one, of which the same user is root. */
  beside(): Promise<Namespace> {
    return Namespace.make(["nsenter", ...this.#enter, "unshare", "--net"]);
  }

  /** Starts a program in it. */
  readonly spawn: Spawn = (command, args, options) =>
    spawn("nsenter", [...this.#enter, "setpriv", "--pdeathsig", "KILL", command, ...args], options);

  /** Runs a shell's commands in it, up to the first that fails; gives what they print. */
  async run(commands: string): Promise<string> {
    const args = [...this.#enter, "sh", "-ec", commands];
    const { stdout } = await promisify(execFile)("nsenter", args, { timeout: RUN_LIMIT_MS });
    return stdout;
  }

  get #enter(): readonly string[] {
    return ["--target", `${this.pid}`, "--user", "--net", "--preserve-credentials"];
  }
}
