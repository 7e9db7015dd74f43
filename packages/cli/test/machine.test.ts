import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { Workplace } from "./support/portrait.ts";
import { running } from "./support/running.ts";
import { smallDisk } from "./support/small-disk.ts";

const TICKER = fileURLToPath(new URL("../../../fixtures/guests/ticker.bin", import.meta.url));
const boot = ["--guest", TICKER, "--memory", "4", "--deterministic"];

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => {
  place.remove();
});

const portrait = (...args: readonly string[]) => place.run(...args);

/** Starts the command. */
function start(...args: readonly string[]) {
  const child = place.start(...args);
  return { child, ...running(child) };
}

const ticks = (text: string) => [...text.matchAll(/tick (\d+)$/gm)].map(([, number]) => Number(number));

describe("portrait record", () => {
  test("leaves a trace that verifies, and that another program's lz4 takes", (context) => {
    const lz4 = need(context, program("lz4"));
    const { status, stdout, stderr } = portrait("record", ...boot, "--until", "tick 5", "-o", "t.pio");
    expect(status).toBe(0);
    expect(ticks(stdout)).toEqual([1, 2, 3, 4, 5]);
    expect(stderr).toMatch(/t\.pio: [\d,]+ accesses, [\d,]+ bytes \(\d+\.\d\d each\)/);
    expect(portrait("verify", "t.pio").status).toBe(0);
    expect(spawnSync(lz4, ["-t", place.path("t.pio")]).status).toBe(0);
  });

  test("ends by itself when the guest halts with interrupts off", () => {
    const guest = TICKER.replace("ticker", "criterion-data");
    const { status, stderr } = portrait("record", "--guest", guest, "--memory", "4", "-o", "t.pio");
    expect(stderr).toMatch(/the guest halted after/);
    expect(status).toBe(0);
  });

  test("takes a number of accesses exactly, and only the ports asked for", () => {
    portrait("record", ...boot, "--until", "321 accesses", "-o", "t.pio");
    expect(JSON.parse(portrait("stats", "t.pio", "-o", "json").stdout)).toMatchObject({ accesses: 321 });
    portrait("record", ...boot, "--until", "tick 3", "--ports", "0x20..0x21,0xa0..0xa1", "-o", "pic.pio");
    const rows = portrait("inspect", "pic.pio", "-o", "ndjson").stdout.trim().split("\n");
    const ports = new Set(rows.map((row) => (JSON.parse(row) as { port: string }).port));
    expect([...ports].sort()).toEqual(["0x20", "0x21", "0xa0", "0xa1"]);
  });

  test("does not touch a trace that is there already", () => {
    writeFileSync(place.path("t.pio"), "precious");
    const { status, stderr } = portrait("record", ...boot, "--until", "tick 1", "-o", "t.pio");
    expect([status, readFileSync(place.path("t.pio"), "utf8")]).toEqual([2, "precious"]);
    expect(stderr).toContain("exists");
    expect(portrait("record", ...boot, "--until", "tick 1", "-o", "t.pio", "--overwrite").status).toBe(0);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("seals the trace on %s", async (signal) => {
    const { child, printed, ended } = start("record", "--guest", TICKER, "--memory", "4", "-o", "t.pio");
    await printed("tick 3");
    child.kill(signal);
    expect(await ended).toMatchObject({ status: 130 });
    expect(portrait("verify", "t.pio")).toMatchObject({ status: 0 });
    expect(portrait("inspect", "t.pio", "--filter", 'reg == "ICW1"').stdout.trim().split("\n")).toHaveLength(2);
  });

  test("killed outright, leaves every whole chunk, and recover seals it", async () => {
    const { child, printed, ended } = start("record", "--guest", TICKER, "--memory", "4", "-o", "t.pio");
    await printed("tick 12");
    child.kill("SIGKILL");
    await ended;
    const { status, stdout } = portrait("stats", "t.pio", "-o", "json");
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as { accesses: number }).accesses).toBeGreaterThan(200);
    expect(portrait("recover", "t.pio", "-o", "saved.pio").status).toBeLessThanOrEqual(1);
    expect(portrait("verify", "saved.pio").status).toBe(0);
  });

  test("says that the disk is full, and leaves what it had", (context) => {
    const disk = need(context, smallDisk());
    const trace = `${disk}/t.pio`;
    const { status, stderr } = portrait("record", ...boot, "--clock", "ns", "--until", "3000", "-o", trace);
    expect(stderr).toMatch(/no space left|disk is full/i);
    expect(status).toBe(2);
    const { stdout } = portrait("stats", trace, "-o", "json");
    expect((JSON.parse(stdout) as { accesses: number }).accesses).toBeGreaterThan(1000);
  });

  test("tells what to do when nothing or nonsense is to be booted", () => {
    expect(portrait("record", "-o", "t.pio")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--guest FILE/),
    });
    writeFileSync(place.path("nonsense.bin"), Buffer.alloc(100));
    const { status, stderr } = portrait("record", "--guest", "nonsense.bin", "-o", "t.pio");
    expect(status).toBe(2);
    expect(stderr).toMatch(/reset vector|multiboot/);
  });
});

/** What `--explain` adds to a migration's JSON. */
interface Explanation {
  readonly dropped: readonly unknown[];
  readonly readBack: readonly unknown[];
  readonly order: readonly { readonly device: string; readonly steps: number }[];
  readonly steps: readonly unknown[];
}

describe("portrait migrate", () => {
  test("lets the guest go on on a second machine, count unbroken, and reports it as the contract says", () => {
    const { status, stdout, stderr } = portrait(
      "migrate",
      ...boot,
      "--until",
      "tick 7",
      "--to",
      "v86",
      "--run",
      "tick 12",
      "-o",
      "json",
    );
    expect(status).toBe(0);
    expect(ticks(stderr)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({ rounds: 1, verify: { different: [] } });
    expect(Object.keys(report as object)).toEqual(
      expect.arrayContaining(["downtimeMs", "totalMs", "memoryBytes", "rounds", "plan", "verify"]),
    );
  });

  test("explains what was dropped, read and written, and why, as text and as JSON", () => {
    const run = ["migrate", ...boot, "--until", "tick 3", "--to", "v86", "--run", "0.1", "--explain"];
    const { explain } = JSON.parse(portrait(...run, "-o", "json").stdout) as { explain: Explanation };
    expect(explain.dropped).toContainEqual({ device: "pic", fields: expect.any(Number) });
    expect(explain.readBack).toContainEqual({
      ...{ device: "com1", register: "LCR", value: "0x3", expected: "0x3" },
      moved: false,
    });
    expect(explain.order.map(({ steps }) => steps).reduce((a, b) => a + b)).toBe(explain.steps.length);
    expect(explain.order.at(-1)).toMatchObject({ device: "pic2", first: explain.steps.length - 1, repeated: 1 });
    expect(explain.steps.at(-1)).toMatchObject({ register: "OCW1", why: expect.stringContaining("last of all") });

    const { stdout } = portrait(...run);
    for (const part of [
      /Dropped: .*\n {2}pic +\d+ fields/,
      /Read at the source: \d+ registers/,
      /pic2\.OCW1 .*last of all/,
    ]) {
      expect(stdout).toMatch(part);
    }
  });

  test("to another process over a Unix socket", async () => {
    const receiver = start("receive", "unix:guest.sock", "--deterministic", "--until", "tick 9");
    await receiver.printed("waiting for a guest");
    const sender = start("migrate", ...boot, "--until", "tick 5", "--to", "unix:guest.sock");
    expect(await sender.ended).toMatchObject({ status: 0 });
    const received = await receiver.ended;
    expect(received.status).toBe(0);
    expect(ticks(received.stdout)).toEqual([6, 7, 8, 9]);
  });

  test("to another process over loopback, where the receiver is killed: the source goes on", async () => {
    const port = 20_000 + (process.pid % 20_000);
    const receiver = start("receive", `tcp:127.0.0.1:${port}`);
    await receiver.printed("waiting for a guest");
    const sender = start(
      "migrate",
      "--guest",
      TICKER,
      "--memory",
      "4",
      "--until",
      "tick 30",
      "--to",
      `tcp:127.0.0.1:${port}`,
      "--run",
      "tick 34",
    );
    await sender.printed("tick 3");
    receiver.child.kill("SIGKILL");
    await receiver.ended;
    const { status, stderr } = await sender.ended;
    expect(status).toBe(2);
    expect(stderr).toContain("the guest goes on on the source");
    expect(ticks(stderr).at(-1)).toBeGreaterThanOrEqual(34);
  });

  test("interrupted at the destination, does not let the guest go on at the source", async () => {
    const sender = start(
      "migrate",
      "--guest",
      TICKER,
      "--memory",
      "4",
      "--until",
      "tick 5",
      "--to",
      "v86",
      "--run",
      "60",
    );
    await sender.printed("destination | tick 8");
    sender.child.kill("SIGINT");
    const { status, stderr } = await sender.ended;
    expect(status).toBe(130);
    expect(stderr).not.toContain("goes on on the source");
    expect(
      ticks(
        stderr
          .split("\n")
          .filter((line) => line.startsWith("source"))
          .join("\n"),
      ),
    ).toEqual([1, 2, 3, 4, 5]);
  });

  test("does not listen or connect beyond loopback", () => {
    for (const address of ["tcp:0.0.0.0:7000", "tcp:192.0.2.1:7000"]) {
      expect(portrait("receive", address)).toMatchObject({ status: 2 });
      expect(portrait("migrate", ...boot, "--to", address)).toMatchObject({ status: 2 });
    }
  });
});

describe("portrait checkpoint, restore and clone", () => {
  test("a checkpoint goes on in another process, as often as one likes", () => {
    const saved = portrait("checkpoint", ...boot, "--until", "tick 5", "-o", "guest.checkpoint");
    expect(saved.status).toBe(0);
    expect(statSync(place.path("guest.checkpoint")).size).toBeLessThan(1 << 20);
    const runs = [1, 2].map(() => portrait("restore", "guest.checkpoint", "--deterministic", "--until", "tick 9"));
    for (const { status, stdout } of runs) expect([status, ticks(stdout)]).toEqual([0, [6, 7, 8, 9]]);
  });

  test("a file that is no checkpoint is told as such", () => {
    writeFileSync(place.path("text"), "not a checkpoint at all\n");
    expect(portrait("restore", "text")).toMatchObject({ status: 2 });
    writeFileSync(place.path("empty"), "");
    expect(portrait("restore", "empty")).toMatchObject({ status: 2 });
    expect(portrait("restore", "missing").stderr).toContain("no such file");
  });

  test("both guests of a clone count on from the same line", () => {
    const { status, stderr } = portrait("clone", ...boot, "--until", "tick 4", "--run", "tick 7");
    expect(status).toBe(0);
    const after = (label: string) =>
      ticks(
        stderr
          .split("\n")
          .filter((line) => line.startsWith(label))
          .join("\n"),
      );
    expect(after("original")).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(after("clone")).toEqual([5, 6, 7]);
  });
});

test("portrait demo tells the whole story and leaves a whole trace", () => {
  const { status, stdout } = portrait("demo");
  expect(status).toBe(0);
  const [source, destination] = ["source", "destination"].map((label) =>
    ticks(
      stdout
        .split("\n")
        .filter((line) => line.trim().startsWith(label))
        .join("\n"),
    ),
  );
  expect(destination?.[0]).toBe((source?.at(-1) ?? 0) + 1);
  expect(stdout).toContain("frozen: not one line");
  expect(stdout).toMatch(/fields compared: \d+ equal, \d+ unreachable; nothing differs without a reason/);
  expect(portrait("verify", "portrait-demo.pio").status).toBe(0);
});
