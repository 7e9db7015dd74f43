import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { Workplace } from "./support/portrait.ts";
import { picAndUart, TraceScript } from "./support/traces.ts";

const place = new Workplace();

beforeAll(async () => {
  await picAndUart().save(place.path("t.pio"));
  await new TraceScript().out(0x21, 0xfb).gap("ring was full").out(0x20, 0x20).save(place.path("gap.pio"));
});
afterAll(() => {
  place.remove();
});

/** A paused QEMU with one serial port, listening for qtest. */
async function startQemu(command: string, socket: string): Promise<ChildProcess> {
  const options = ["-machine", "pc", "-nodefaults", "-serial", "null", "-display", "none", "-S", "-qtest-log", "none"];
  const qtest = `unix:${place.path(socket)},server=on,wait=off`;
  const machine = spawn(command, [...options, "-qtest", qtest], { stdio: "ignore" });
  for (let i = 0; i < 200 && !existsSync(place.path(socket)); i++) await sleep(25);
  return machine;
}

describe("portrait replay", () => {
  test("writes the plan as a script: what portrait plan prints, step by step", () => {
    const { status, stdout } = place.run("replay", "t.pio", "--target", "script:plan.qtest");
    const { steps } = place.json("plan", "t.pio") as { steps: { op: string; port: string; value?: string }[] };
    expect(status).toBe(0);
    expect(stdout).toMatch(/^plan\.qtest: \d+ steps carried out/);
    const expected = steps.map(({ op, port, value }) => (op === "out" ? `outb ${port} ${value}` : `inb ${port}`));
    expect(readFileSync(place.path("plan.qtest"), "utf8").trimEnd().split("\n")).toEqual(expected);
  });

  test("--dry-run prints the plan and writes nothing", () => {
    const { status, stdout } = place.run("replay", "t.pio", "--dry-run", "--target", "script:none.qtest");
    expect({ status, stdout }).toEqual({ status: 0, stdout: place.run("plan", "t.pio").stdout });
    expect(existsSync(place.path("none.qtest"))).toBe(false);
  });

  test("--raw makes every write as it was recorded", () => {
    const { stdout } = place.run("replay", "t.pio", "--raw", "--target", "script:-");
    expect(stdout.trimEnd().split("\n")).toEqual([
      "outb 0x20 0x11",
      "outb 0x21 0x30",
      "outb 0x21 0x4",
      "outb 0x21 0x1",
      "outb 0x21 0xfb",
      "outb 0x3fb 0x80",
      "outb 0x3f8 0x1",
      "outb 0x3f9 0x0",
      "outb 0x3fb 0x3",
      "outb 0x3fa 0xc7",
      "outb 0x3f8 0x48",
      "outb 0x21 0xfa",
      "outb 0x9999 0x1",
    ]);
  });

  test("refuses while something is unknown, names it, and goes on with --allow-unknown", () => {
    const refused = place.run("replay", "gap.pio", "--target", "script:gap.qtest");
    expect(refused.status).toBe(3);
    expect(refused.stderr).toMatch(/^ {2}pic1: .*\bOCW1\b.*: not observed: ring was full$/m);
    expect(refused.stderr).toContain("--allow-unknown");
    expect(existsSync(place.path("gap.qtest"))).toBe(false);
    expect(place.run("replay", "gap.pio", "--target", "script:gap.qtest", "--allow-unknown").status).toBe(0);
  });

  test("refuses real hardware without --allow-hardware", () => {
    const { status, stderr } = place.run("replay", "t.pio", "--target", "devport");
    expect(status).toBe(3);
    expect(stderr).toContain("--allow-hardware");
  });

  test("--verify reads back from a machine what can be read, and exits 1 where it differs", async () => {
    const { status, stdout } = place.run("replay", "t.pio", "--target", "v86:cold", "--verify", "-o", "json");
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as { verify: { checked: number } };
    expect(report).toMatchObject({ target: expect.stringContaining("v86") as unknown, verify: { different: [] } });
    expect(report.verify.checked).toBeGreaterThan(3);
    // v86 ignores writes of the clock's RAM, so that a byte written there reads as before.
    await new TraceScript().out(0x70, 0x40).out(0x71, 0xa5).save(place.path("cmos.pio"));
    const ignored = place.run("replay", "cmos.pio", "--target", "v86:cold", "--verify");
    expect(ignored.status).toBe(1);
    expect(ignored.stdout).toMatch(/rtc\.\S+: 0x0 instead of 0xa5 in the bits 0xff/);
  });

  test("reaches a QEMU through its qtest socket", async (context) => {
    const machine = await startQemu(need(context, program("qemu-system-x86_64")), "q.sock");
    try {
      await picAndUart().out(0x3fc, 0x0b).save(place.path("mcr.pio"));
      expect(place.run("replay", "mcr.pio", "--target", "qtest:q.sock", "--verify")).toMatchObject({ status: 0 });
    } finally {
      machine.kill("SIGKILL");
    }
  });

  test("names the register a fresh QEMU has otherwise than the datasheet, where the guest never wrote it", async (context) => {
    const machine = await startQemu(need(context, program("qemu-system-x86_64")), "fresh.sock");
    try {
      const { status, stdout } = place.run("replay", "t.pio", "--target", "qtest:fresh.sock", "--verify", "-o", "json");
      expect(status).toBe(1);
      // QEMU's 16550 comes out of reset with OUT2 set; the PC16550D clears MCR.
      expect((JSON.parse(stdout) as { verify: unknown }).verify).toMatchObject({
        different: [{ device: "com1", register: "MCR", expected: "0x0", actual: "0x8" }],
      });
    } finally {
      machine.kill("SIGKILL");
    }
  });

  test("says that nobody answers at a socket", () => {
    const { status, stderr } = place.run("replay", "t.pio", "--target", "qtest:nobody.sock");
    expect(status).toBe(2);
    expect(stderr).toContain("nobody.sock");
  });

  test.each([
    ["no target", []],
    ["a target there is not", ["--target", "floppy:a"]],
    ["a script that is read back", ["--target", "script:v.qtest", "--verify"]],
    ["a plan with a tempo", ["--target", "script:v.qtest", "--timing"]],
    ["--raw with --at", ["--target", "script:v.qtest", "--raw", "--at", "3"]],
  ])("refuses %s as bad usage", (_, options) => {
    expect(place.run("replay", "t.pio", ...options).status).toBe(2);
    expect(existsSync(place.path("v.qtest"))).toBe(false);
  });
});
