import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { QmpClient } from "@portrait/vmm";
import { afterEach, beforeEach, describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { PC } from "../../../test-support/qemu-guest.ts";
import { startQemu, type QemuProcess } from "../../vmm/test/support/qemu-process.ts";
import { Workplace } from "./support/portrait.ts";
import { running } from "./support/running.ts";

const QEMU = "qemu-system-i386";
const TICKER = fileURLToPath(new URL("../../../fixtures/guests/ticker.bin", import.meta.url));
const MACHINE = [...PC, "-m", "16", "-bios", TICKER];

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => {
  place.remove();
});

const startTicker = (context: TestContext) =>
  startQemu(need(context, program(QEMU)), [...MACHINE, "-serial", "file:FOLDER/console"]);

/** Records the QEMU until told to end. */
async function startRecording({ qmp }: QemuProcess, name: string) {
  const child = place.start("record", "--engine", "qemu", "--qmp", qmp, "-o", name);
  const { ended } = running(child);
  // The header, and some chunks.
  await until(() => existsSync(place.path(name)) && statSync(place.path(name)).size > 4000);
  return { child, ended };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1500 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

async function expectAsFound(qemu: QemuProcess): Promise<void> {
  const client = await QmpClient.connect(qemu.qmp);
  const states = await client.execute("trace-event-get-state", { name: "memory_region_ops_*" });
  client.close();
  expect(states).toEqual(Array(2).fill(expect.objectContaining({ state: "disabled" })));
  const ticks = () => readFileSync(join(qemu.folder, "console"), "latin1").split("\n").length;
  const before = ticks();
  await until(() => ticks() > before + 2);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("portrait record --engine qemu", () => {
  test("starts SeaBIOS, has it from its first instruction on, and knows all but a few of its ports", async (context) => {
    const command = ["--", need(context, program(QEMU)), "-nodefaults", "-vga", "std", "-display", "none"];
    const until3000 = ["--until", "3000 accesses", "-o", "t.pio"];
    const child = place.start("record", "--engine", "qemu", ...until3000, ...command, "-pidfile", "pid");
    const { ended } = running(child);
    await until(() => existsSync(place.path("pid")));
    const pid = Number(readFileSync(place.path("pid"), "utf8"));
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/t\.pio: 3,000 accesses, /);
    expect(status).toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(place.run("verify", "t.pio").status).toBe(0);
    const stats = place.json("stats", "t.pio") as { uncovered: { ports: readonly { port: string }[] } };
    expect(stats).toMatchObject({ accesses: 3000, fromReset: true, machine: { engine: "qemu", guest: QEMU } });
    // 7Eh is QEMU's own, for its option ROM kvmvapic; 628h is the PIIX4's global control.
    for (const { port } of stats.uncovered.ports) expect(["0x7e", "0x628"]).toContain(port);
  });

  test("shows the guest's console where QEMU puts it, and takes times from QEMU", (context) => {
    const command = ["--", need(context, program(QEMU)), ...MACHINE, "-display", "none", "-serial", "stdio"];
    const { status, stdout } = place.run("record", "--engine", "qemu", "--until", "1s", "-o", "t.pio", ...command);
    expect(stdout).toMatch(/^ticker ready\r\ntick 1\r\n/);
    expect(status).toBe(0);
    expect(place.run("inspect", "t.pio").stdout).not.toMatch(/times are those of arrival/);
  });

  test.for(["SIGINT", "SIGTERM"] as const)("attaches, and leaves QEMU as it was on %s", async (signal, context) => {
    const qemu = await startTicker(context);
    const { child, ended } = await startRecording(qemu, "t.pio");
    child.kill(signal);
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/interrupted; t\.pio: [\d,]+ accesses/);
    expect(status).toBe(130);
    expect(place.run("verify", "t.pio").status).toBe(0);
    expect(place.json("stats", "t.pio")).toMatchObject({ fromReset: false });
    await expectAsFound(qemu);
  });

  test("killed, does not hold the guest, and the next one cleans up", async (context) => {
    const qemu = await startTicker(context);
    const { child, ended } = await startRecording(qemu, "killed.pio");
    const ticks = () => readFileSync(join(qemu.folder, "console"), "latin1").split("\n").length;
    // Stopped first, so that the guest waits for it.
    child.kill("SIGSTOP");
    await sleep(1500);
    child.kill("SIGKILL");
    await ended;
    const before = ticks();
    await until(() => ticks() > before + 25);
    const { status, stderr } = place.run(
      "record",
      "--engine",
      "qemu",
      "--qmp",
      qemu.qmp,
      "--until",
      "1",
      "-o",
      "t.pio",
    );
    expect(stderr).toMatch(/QEMU's log goes (to its stderr|nowhere) from now on: /);
    expect(status).toBe(0);
    await expectAsFound(qemu);
    expect(place.run("record", "--engine", "qemu", "--qmp", qemu.qmp, "--until", "1", "-o", "u.pio").stderr).toMatch(
      /^portrait: stopped; u\.pio/,
    );
  });

  test("ends with the trace whole when QEMU is killed", async (context) => {
    const qemu = await startTicker(context);
    const { ended } = await startRecording(qemu, "t.pio");
    qemu.process.kill("SIGKILL");
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/QEMU is gone; t\.pio: [\d,]+ accesses/);
    expect(status).toBe(0);
    expect(place.run("verify", "t.pio").status).toBe(0);
  });
});

describe("says what is wrong, and leaves no file:", () => {
  const record = (...args: readonly string[]) => place.run("record", "-o", "t.pio", ...args);

  test.each([
    ["no QEMU", ["--engine", "qemu"], /--qmp SOCKET of one that runs, or -- qemu-system/],
    ["two QEMUs", ["--engine", "qemu", "--qmp", "s", "--", "qemu"], /leave out the command/],
    ["a text", ["--engine", "qemu", "--qmp", "s", "--until", "login:"], /give SECONDS or 'N accesses'/],
    ["our own guest", ["--engine", "qemu", "--guest", TICKER], /QEMU's own options after --/],
    ["another engine", ["--qmp", "s"], /add --engine qemu/],
    ["nobody at the socket", ["--engine", "qemu", "--qmp", "s"], /is QEMU running, and is this its socket/],
    ["no such program", ["--engine", "qemu", "--", "no-such-qemu"], /no-such-qemu cannot be used: .*ENOENT/],
    ["a program that is no QEMU", ["--engine", "qemu", "--", "true"], /true cannot be used: it ended with 0/],
    ["a daemon", ["--engine", "qemu", "--", QEMU, "-daemonize"], /leave out -daemonize/],
  ])("%s", (_, args, message) => {
    const { status, stderr } = record(...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(place.path("t.pio"))).toBe(false);
  });
});
