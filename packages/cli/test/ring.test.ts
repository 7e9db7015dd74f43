import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bufferSource, TraceReader } from "@portrait/tracer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { PC } from "../../../test-support/qemu-guest.ts";
import { flatImage, HALT_FOR_GOOD, outb, PIC_SETUP, PIT_SETUP, PROLOGUE } from "../../vmm/test/support/tiny-guest.ts";
import { Workplace } from "./support/portrait.ts";
import { running } from "./support/running.ts";

const TICKER = fileURLToPath(new URL("../../../fixtures/guests/ticker.bin", import.meta.url));
const TICKS = ["record", "--guest", TICKER];

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => {
  place.remove();
});

/** A guest that sets the interrupt controllers up, then reads the timer `count` times and writes what it read. */
function recordBusy(count: number, ...options: readonly string[]) {
  const bytes = [0, 8, 16, 24].map((shift) => (count >>> shift) & 0xff);
  const code = [
    ...PROLOGUE,
    ...[...PIC_SETUP, ...PIT_SETUP].flatMap(([port, value]) => outb(port, value)),
    ...[0x66, 0xb9, ...bytes], // mov ecx, count
    ...[0xe4, 0x40, 0xe6, 0x80, 0x67, 0xe2, 0xf9], // next: in al, 40h; out 80h, al; loop next
    ...HALT_FOR_GOOD,
  ];
  writeFileSync(place.path("busy.bin"), flatImage(code));
  return place.run("record", "--guest", "busy.bin", ...options);
}

const planOf = (name: string) => place.json("plan", name) as { steps: unknown; unknown: unknown; counts: unknown };

/** Numbers of the accesses in a trace. */
function seqs(name: string): number[] {
  const lines = place.run("inspect", name, "-o", "ndjson").stdout.trimEnd().split("\n");
  return lines
    .map((line) => JSON.parse(line) as { seq: number; port?: string })
    .flatMap(({ seq, port }) => (port === undefined ? [] : [seq]));
}

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("--ring", { timeout: 60_000 }, () => {
  test("keeps the newest accesses, and a plan from them is the plan from the whole trace", () => {
    const COUNT = 20_000;
    expect(recordBusy(COUNT, "-o", "whole.pio").status).toBe(0);
    const { status, stderr } = recordBusy(COUNT, "--ring", "1K", "-o", "ring.pio");
    expect(stderr).toMatch(/ring\.pio: the last [\d,]+ accesses of [\d,]+, [\d,]+ bytes/);
    expect(status).toBe(0);
    const [whole, kept] = [seqs("whole.pio"), seqs("ring.pio")];
    expect(kept[0]).toBeGreaterThan(whole.length / 4);
    expect(kept).toEqual(whole.slice(kept[0]));
    expect(planOf("ring.pio")).toEqual(planOf("whole.pio"));
  });

  test("tells the same when it is made smaller", () => {
    expect(recordBusy(20_000, "--ring", "1K", "-o", "ring.pio").status).toBe(0);
    expect(place.run("classify", "ring.pio", "--keep", "state", "-o", "small.pio").status).toBe(0);
    const repeated = ({ steps }: ReturnType<typeof planOf>) => JSON.stringify(steps).replace(/"from":\[[^\]]*\]/g, "");
    expect(repeated(planOf("small.pio"))).toBe(repeated(planOf("ring.pio")));
  });

  test("saves on SIGUSR1, as often as it comes, and at the end", async () => {
    const child = place.start(...TICKS, "--ring", "1M", "-o", "t.pio");
    const { ended, printed } = running(child);
    await printed("tick 3");
    for (const part of ["000", "001"]) {
      child.kill("SIGUSR1");
      await printed(`saved t.pio.${part}`);
    }
    child.kill("SIGINT");
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/interrupted; t\.pio: the last ([\d,]+) accesses of \1, /);
    expect(status).toBe(130);
    for (const name of ["t.pio.000", "t.pio.001", "t.pio"]) expect(place.run("verify", name).status).toBe(0);
  });

  test("goes on where a save cannot be written, and says so", async () => {
    writeFileSync(place.path("t.pio.000"), "");
    const child = place.start(...TICKS, "--ring", "1M", "-o", "t.pio");
    const { ended, printed } = running(child);
    await printed("tick 1");
    child.kill("SIGUSR1");
    await printed("not saved");
    child.kill("SIGUSR1");
    await printed("saved t.pio.001");
    child.kill("SIGINT");
    await ended;
    expect(readFileSync(place.path("t.pio.000")).length).toBe(0);
  });
});

describe("--rotate", { timeout: 60_000 }, () => {
  test("splits into files that are each whole, and joined are the recording", () => {
    const { status, stderr } = recordBusy(20_000, "--rotate", "1K", "-o", "t.pio");
    expect(stderr).toMatch(/t\.pio\.000 to t\.pio\.\d+: 40,\d+ accesses/);
    expect(status).toBe(0);
    const parts = readdirSync(place.folder)
      .filter((name) => name.startsWith("t.pio."))
      .sort();
    expect(parts.length).toBeGreaterThan(1);
    writeFileSync(place.path("joined.pio"), Buffer.concat(parts.map((part) => readFileSync(place.path(part)))));
    const joined = seqs("joined.pio");
    expect(joined).toEqual(from(0, joined.length - 1));
    expect(place.json("verify", "joined.pio")).toMatchObject({ accesses: joined.length, problems: [] });
    expect(planOf(parts.at(-1) ?? "")).toEqual(planOf("joined.pio"));
  });

  test("begins another file after a time", () => {
    expect(place.run(...TICKS, "--until", "3", "--rotate", "1s", "-o", "t.pio").status).toBe(0);
    expect(readdirSync(place.folder).length).toBeGreaterThan(1);
  });
});

test("killed at any moment, a recording loses its last 250 ms at the most", async (context) => {
  const qemu = need(context, program("qemu-system-i386"));
  const guest = [...PC, "-m", "16", "-bios", TICKER, "-display", "none"];
  const own = ["-serial", "null", "-pidfile", "pid"];
  const child = place.start("record", "--engine", "qemu", "-o", "t.pio", "--", qemu, ...guest, ...own);
  const { ended } = running(child);
  // How late this busy machine lets a timer be; the recording's are as late.
  let late = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    late = Math.max(late, now - last - 10);
    last = now;
  }, 10);
  for (let i = 0; i < 1500 && !(existsSync(place.path("t.pio")) && statSync(place.path("t.pio")).size > 4000); i++)
    await sleep(10);
  await sleep(500 + Math.random() * 1000);
  const killed = Date.now();
  child.kill("SIGKILL");
  process.kill(Number(readFileSync(place.path("pid"), "utf8")), "SIGKILL");
  clearInterval(timer);
  await ended;
  const reader = await TraceReader.open(bufferSource(readFileSync(place.path("t.pio"))));
  let newest = 0;
  for await (const batch of reader.batches()) newest = (batch.time[batch.length - 1] ?? 0) / 1e6;
  expect(reader.problems.filter(({ code }) => code !== "TRACE_UNSEALED" && code !== "TRACE_TRUNCATED")).toEqual([]);
  expect(killed - (Number(reader.info.startedAt) / 1e6 + newest)).toBeLessThanOrEqual(250 + 2 * late);
});

describe("says what is wrong:", () => {
  test.each([
    ["both", ["--ring", "1M", "--rotate", "1M"], /cannot be used with option/],
    ["no size", ["--ring", "much"], /Expected a size such as 64M/],
    ["no limit", ["--rotate", "often"], /Expected a size such as 64M/],
    ["nothing", ["--ring", "0"], /Expected a size such as 64M/],
  ])("%s", (_, args, message) => {
    const { status, stderr } = place.run(...TICKS, "-o", "t.pio", ...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(readdirSync(place.folder)).toEqual([]);
  });

  test.each([
    ["--ring", "t.pio"],
    ["--rotate", "t.pio.000"],
  ])("%s replaces no file", (option, name) => {
    writeFileSync(place.path(name), "kept");
    const { status, stderr } = place.run(...TICKS, "--until", "1", option, "1M", "-o", "t.pio");
    expect(stderr).toMatch(`${name}: it exists already`);
    expect(status).toBe(2);
    expect(readFileSync(place.path(name), "utf8")).toBe("kept");
  });
});
