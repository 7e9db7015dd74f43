import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { QemuError } from "../errors.ts";
import { QmpClient } from "../qmp.ts";

const START_LIMIT_MS = 20_000;
/** How long QEMU is waited for after each way to make it end. */
const END_LIMIT_MS = 5_000;

/** A QEMU that was started here. */
export interface StartedQemu {
  readonly client: QmpClient;
  /** Ends QEMU, if it has not ended, and frees what it held. */
  end(): Promise<void>;
}

/** How a QEMU is started. */
export interface StartOptions {
  /** `ours`: it has our standard streams. `errors`: it has only our stderr. */
  readonly console: "ours" | "errors";
}

/**
 * Starts a QEMU with the given command line, paused before its first instruction, with a QMP socket of its own and stamps in its log.
 * @throws QemuError `START`
 */
export async function startQemu(command: readonly string[], { console }: StartOptions): Promise<StartedQemu> {
  const [program = "", ...options] = command;
  if (options.some((option) => /^--?daemonize$/.test(option)))
    throw new QemuError(
      "START",
      "portrait ends the QEMU it starts, so leave out -daemonize; or start it and use --qmp",
    );
  const folder = await mkdtemp(join(tmpdir(), "portrait-qmp-"));
  const socket = join(folder, "qmp");
  const own = ["-S", "-msg", "timestamp=on", "-qmp", `unix:${socket},server=on,wait=off`];
  const process = spawn(program, [...options, ...own], {
    stdio: console === "ours" ? "inherit" : ["ignore", "ignore", "inherit"],
  });
  const ended = endOf(process);
  const free = async () => {
    await stop(process, ended);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const client = await connect(socket, program, ended);
    const end = async () => {
      await quit(client, ended);
      await free();
    };
    return { client, end };
  } catch (error) {
    await free();
    throw error;
  }
}

/** How the process ended, in words, once it has. */
function endOf(process: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    process.once("error", (error) => resolve(error.message));
    process.once("exit", (code, signal) => resolve(signal === null ? `it ended with ${code}` : `${signal} ended it`));
  });
}

async function connect(socket: string, program: string, ended: Promise<string>): Promise<QmpClient> {
  let end: string | undefined;
  void ended.then((how) => (end = how));
  for (const limit = performance.now() + START_LIMIT_MS; ; await sleep(10)) {
    if (end !== undefined) throw new QemuError("START", `${program} cannot be used: ${end}`);
    try {
      return await QmpClient.connect(socket);
    } catch (error) {
      const notYet = error instanceof QemuError && error.code === "CONNECT" && performance.now() < limit;
      if (!notYet && end === undefined) throw error;
    }
  }
}

async function quit(client: QmpClient, ended: Promise<string>): Promise<void> {
  // QEMU may close the socket before it has answered, or be gone already.
  await client.execute("quit").catch(() => undefined);
  await Promise.race([ended, sleep(END_LIMIT_MS, undefined, { ref: false })]);
  client.close();
}

async function stop(process: ChildProcess, ended: Promise<string>): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (process.exitCode !== null || process.signalCode !== null || process.pid === undefined) return;
    process.kill(signal);
    await Promise.race([ended, sleep(END_LIMIT_MS, undefined, { ref: false })]);
  }
}
