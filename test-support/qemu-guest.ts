import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** An access from QEMU's trace log. `size` is in bytes; `value` is cut to it. */
export interface QemuAccess {
  readonly direction: "in" | "out";
  readonly port: number;
  readonly size: number;
  readonly value: number;
}

/**
 * Options of a PC with nothing but what is on its board. Without a local APIC the PIC's output reaches the CPU by itself; with one,
 * firmware would have to unmask LINT0.
 */
export const PC = ["-machine", "pc", "-cpu", "qemu32,-apic", "-nodefaults"];

const MACHINE = [...PC, "-m", "16", "-vga", "std", "-display", "none"];

/** Runs one of our guests on QEMU until it halts with interrupts off, and gives the port accesses QEMU's trace shows. */
export async function qemuAccesses(name: string): Promise<readonly QemuAccess[]> {
  const folder = mkdtempSync(join(tmpdir(), "portrait-qemu-"));
  const log = join(folder, "trace.log");
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const qemu = start(name, ["-monitor", "stdio", "-serial", "null", "-trace", "memory_region_ops_*", "-D", log]);
  while (!/EFL=\S+ \[..-.*HLT=1/.test(await ask(qemu, "info registers"))) continue;
  await quit(qemu);
  return readFileSync(log, "utf8").split("\n").flatMap(parseLine);
}

/**
 * Runs one of our guests on QEMU. Each time the serial port has printed the next of `script`'s texts, the text beside it
 * is typed. Ends when the last has been printed, and gives everything printed. Rejects when QEMU ends before.
 */
export async function qemuConversation(name: string, script: readonly (readonly [string, string])[]): Promise<string> {
  const qemu = start(name, ["-monitor", "none", "-serial", "stdio"]);
  let printed = "";
  let from = 0;
  for (const [awaited, answer] of script) {
    printed = await untilPrinted(qemu, printed, awaited, from);
    from = printed.indexOf(awaited, from) + awaited.length;
    qemu.stdin.write(answer);
  }
  return printed;
}

type Qemu = ChildProcessByStdio<Writable, Readable, null>;

/** QEMU with one of our guests; it ends with the test at the latest, also when that times out. */
function start(name: string, options: readonly string[]): Qemu {
  const image = fileURLToPath(new URL(`../fixtures/guests/${name}.bin`, import.meta.url));
  const stdio: ["pipe", "pipe", "inherit"] = ["pipe", "pipe", "inherit"];
  const qemu = spawn("qemu-system-i386", [...MACHINE, "-bios", image, ...options], { stdio });
  onTestFinished(() => void qemu.kill("SIGKILL"));
  return qemu;
}

async function ask(qemu: Qemu, command: string): Promise<string> {
  qemu.stdin.write(`${command}\n`);
  return untilPrinted(qemu, "", "FCW=", 0);
}

async function quit(qemu: Qemu): Promise<void> {
  const ended = new Promise((resolve) => qemu.once("exit", resolve));
  qemu.stdin.write("quit\n");
  qemu.stdout.resume();
  await ended;
}

/** What has been printed before with what comes, as soon as `awaited` stands in it at `from` or later. */
async function untilPrinted(qemu: Qemu, before: string, awaited: string, from: number): Promise<string> {
  let printed = before;
  while (!printed.includes(awaited, from)) {
    const chunk = await nextChunk(qemu);
    if (chunk === undefined) throw new Error(`QEMU ended before it printed ${JSON.stringify(awaited)}: ${printed}`);
    printed += chunk;
  }
  return printed;
}

function nextChunk({ stdout }: Qemu): Promise<string | undefined> {
  return new Promise((resolve) => {
    const done = (chunk: unknown): void => {
      stdout.off("data", done).off("end", done).pause();
      resolve(Buffer.isBuffer(chunk) ? chunk.toString("latin1") : undefined);
    };
    stdout.on("data", done).on("end", done).resume();
  });
}

const LINE =
  /memory_region_ops_(?<op>read|write) cpu \d+ mr \S+ addr 0x(?<port>[0-9a-f]{1,4}) value 0x(?<value>[0-9a-f]+) size (?<size>\d)/;

function parseLine(line: string): QemuAccess[] {
  const { op, port = "", value = "", size = "" } = LINE.exec(line)?.groups ?? {};
  if (op === undefined) return [];
  const direction = op === "read" ? "in" : "out";
  const digits = Number(size) * 2;
  return [{ direction, port: parseInt(port, 16), size: digits / 2, value: parseInt(value.slice(-digits), 16) }];
}
