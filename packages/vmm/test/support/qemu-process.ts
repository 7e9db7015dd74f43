import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Spawn } from "./namespace.ts";

/** A QEMU that runs for a test and ends with it, and a folder of its own that goes with it. */
export interface QemuProcess {
  readonly process: ChildProcess;
  readonly folder: string;
  /** Path of its QMP socket, which is there. */
  readonly qmp: string;
  /** Kills it, if it has not ended, and waits until it is gone. */
  end(): Promise<void>;
}

/** A folder that goes with the test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portrait-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts QEMU with a QMP socket and these options, here or elsewhere; `FOLDER/` in them stands for its folder. */
export async function startQemu(
  command: string,
  options: readonly string[],
  start: Spawn = spawn,
): Promise<QemuProcess> {
  const folder = testFolder();
  const qmp = join(folder, "qmp");
  const own = ["-display", "none", "-qmp", `unix:${qmp},server=on,wait=off`];
  const args = options.map((option) => option.replace("FOLDER/", `${folder}/`));
  const process = start(command, [...own, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(process, "exit");
  const end = async () => {
    process.kill("SIGKILL");
    await ended;
  };
  onTestFinished(end);
  for (let i = 0; i < 400 && !(await listens(qmp)); i++) await sleep(25);
  return { process, folder, qmp, end };
}

/** True when somebody listens: the socket's file is there a little earlier. */
async function listens(path: string): Promise<boolean> {
  const socket = createConnection(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
