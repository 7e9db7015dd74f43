import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { QmpClient } from "@portrait/vmm";
import { need } from "../../../test-support/available.ts";
import { debianCloudLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import { linuxMachine } from "../../vmm/test/support/qemu-linux.ts";
import { numbersIn, type SerialConsole } from "../../vmm/test/support/serial-console.ts";
import { holdQtest } from "./support/held-qtest.ts";
import { smallDisk } from "./support/small-disk.ts";
import { ended, Workplace, type Ended } from "./support/portrait.ts";
import {
  addressOf,
  letRun,
  machines,
  qemus,
  record,
  tickerImage,
  tickerOn,
  type GuestQemu,
} from "./support/recorded-qemu.ts";

const place = new Workplace();
afterAll(() => place.remove());

const tickers = (context: TestContext, mebibytes?: number) =>
  qemus(place, need(context, program("qemu-system-i386")), tickerOn(machines.pc, mebibytes));

const portrait = (...args: readonly string[]): Promise<Ended> => ended(place.start(...args));

/** Stretch of what a guest had printed between the start and the end of something. */
type Stretch = readonly [start: number, end: number];

/** What `use` gives, and what the guest had printed when it began and when it ended. */
async function during<T>(console: SerialConsole, use: () => Promise<T>): Promise<{ result: T; stretch: Stretch }> {
  const start = console.text.length;
  const result = await use();
  return { result, stretch: [start, console.text.length] };
}

/** Where in the stretch the guest was when its second console goes on, with no number left out or told twice. */
function partings(word: string, first: string, [start, end]: Stretch, second: string): number[] {
  const places = [...Array(end - start + 1).keys()].map((i) => start + i);
  return places.filter((at) => {
    const numbers = numbersIn(first.slice(0, at) + second, word);
    return numbers.length > 0 && numbers.every((number, i) => number === i + 1);
  });
}

/** Waits until the guest has printed more ticks. */
async function ticksOn({ console }: GuestQemu): Promise<void> {
  await console.untilNumbers("tick", console.numbers("tick").length + 3);
}

async function runState({ qmp2 }: GuestQemu): Promise<unknown> {
  const qmp = await QmpClient.connect(qmp2);
  try {
    return await qmp.execute("query-status");
  } finally {
    qmp.close();
  }
}

/** Files that begin with the name. */
const filesOf = (name: string) => readdirSync(place.folder).filter((file) => file.startsWith(name));

/** A checkpoint with something in its first frame replaced by as many characters, and the checksum made right. */
function changed(checkpoint: Buffer, from: string, to: string): Buffer {
  const [HEAD, SUM] = [5, 4];
  const bytes = Buffer.from(checkpoint);
  const at = bytes.indexOf(from);
  expect(at).toBeLessThan(200);
  bytes.write(to, at, "latin1");
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -(HEAD + SUM))), bytes.length - SUM);
  return bytes;
}

describe("a guest of a QEMU", { timeout: 60_000 }, () => {
  test("goes on after a checkpoint, and goes on from it after its QEMU is gone", async (context) => {
    const ticker = tickers(context);
    const source = await ticker.startRecorded(place.path("a.pio"));
    await source.console.untilNumbers("tick", 5);
    const { result, stretch } = await during(source.console, () =>
      portrait("checkpoint", "--from", `qemu:${source.qmp2}`, "--trace", "a.pio", "-o", "a.checkpoint"),
    );
    expect(result).toMatchObject({ status: 0, stdout: "" });
    expect(result.stderr).toMatch(
      /^portrait: a\.checkpoint: [\d,]+ bytes, .* steps; the guest stood still for \d+ ms; stops: \d+.*\n$/,
    );
    await ticksOn(source);
    source.process.kill("SIGKILL");
    const target = await ticker.startWaiting();
    const restored = await portrait("restore", "a.checkpoint", "--to", addressOf(target), "-o", "json");
    expect([restored.status, restored.stderr]).toEqual([0, expect.stringMatching(/runs on .*qmp now\n$/)]);
    expect(JSON.parse(restored.stdout)).toMatchObject({
      totalMs: expect.any(Number),
      plan: { replayMs: expect.any(Number), drained: expect.any(Number) },
      verify: { different: [] },
    });
    await ticksOn(target);
    expect(partings("tick", source.console.text, stretch, target.console.text)).not.toEqual([]);
  });

  test("and its clone both go on, and the report is as the contract says", async (context) => {
    const ticker = tickers(context);
    const source = await ticker.startRecorded(place.path("b.pio"));
    await source.console.untilNumbers("tick", 5);
    const target = await ticker.startWaiting();
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", "b.pio"];
    const { result, stretch } = await during(source.console, () =>
      portrait("clone", ...from, "--to", addressOf(target), "-o", "json"),
    );
    expect([result.status, result.stderr]).toEqual([0, ""]);
    expect(JSON.parse(result.stdout)).toMatchObject({ rounds: 1, confirmed: true, verify: { different: [] } });
    await Promise.all([ticksOn(source), ticksOn(target)]);
    const mine = source.console.numbers("tick");
    expect(mine).toEqual(mine.map((_, i) => i + 1));
    expect(partings("tick", source.console.text, stretch, target.console.text)).not.toEqual([]);
    // A clone's destination waits for a guest no more.
    const again = await portrait("clone", ...from, "--to", addressOf(target));
    expect(again).toMatchObject({ status: 2, stderr: expect.stringMatching(/goes on on the source.*does not wait/s) });
    await ticksOn(source);
  });

  test("that was recorded too late is not saved or cloned unless that is allowed, and goes on", async (context) => {
    const ticker = tickers(context);
    const source = await ticker.start();
    await letRun(source);
    await source.console.untilNumbers("tick", 2);
    await record(place, source, place.path("c.pio"));
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", "c.pio"];
    const target = await ticker.startWaiting();
    const refusal = {
      status: 3,
      stderr: expect.stringMatching(/was not made; the guest goes on on the .*--allow-unknown/s),
    };
    expect(await portrait("checkpoint", ...from, "-o", "c.checkpoint")).toMatchObject(refusal);
    expect(await portrait("clone", ...from, "--to", addressOf(target))).toMatchObject(refusal);
    expect(filesOf("c.checkpoint")).toEqual([]);
    await ticksOn(source);
    const allowed = await portrait("checkpoint", ...from, "-o", "c.checkpoint", "--allow-unknown");
    expect([allowed.status, filesOf("c.checkpoint")]).toEqual([0, ["c.checkpoint"]]);
    await ticksOn(source);
  });

  test.for(["checkpoint", "clone", "migrate"])("stays where it is when Ctrl-C ends a %s", async (command, context) => {
    const ticker = tickers(context);
    const trace = place.path(`${command}.pio`);
    const source = await ticker.startRecorded(trace);
    await source.console.untilNumbers("tick", 2);
    const target = await ticker.startWaiting();
    const qtest = await holdQtest(place.path(`${command}.qtest`), source.qtest);
    const output = `${command}.checkpoint`;
    const child = place.start(
      ...[command, "--from", `qemu:${source.qmp2},qtest=${qtest.path}`, "--trace", trace],
      ...(command === "checkpoint" ? ["-o", output] : ["--to", addressOf(target)]),
    );
    const end = ended(child);
    await qtest.held;
    child.kill("SIGINT");
    qtest.release();
    expect(await end).toMatchObject({
      status: 130,
      stderr: expect.stringMatching(/; the guest goes on on the source\n/),
    });
    expect(filesOf(output)).toEqual([]);
    await ticksOn(source);
    expect(target.console.text).toBe("");
  });

  test("is not there when Ctrl-C ends its restore", async (context) => {
    const ticker = tickers(context);
    const source = await ticker.startRecorded(place.path("f.pio"));
    await source.console.untilNumbers("tick", 2);
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", "f.pio"];
    expect(await portrait("checkpoint", ...from, "-o", "f.checkpoint")).toMatchObject({ status: 0 });
    const target = await ticker.startWaiting();
    const gone = once(target.process, "exit");
    const qtest = await holdQtest(place.path("f.qtest"), target.qtest);
    const child = place.start("restore", "f.checkpoint", "--to", `qemu:${target.qmp},qtest=${qtest.path}`);
    const end = ended(child);
    await qtest.held;
    child.kill("SIGINT");
    qtest.release();
    expect(await end).toMatchObject({ status: 130, stdout: "" });
    await gone;
    expect(target.console.text).toBe("");
  });

  test("goes on where there is no room for its checkpoint, which is not there", async (context) => {
    const disk = need(context, smallDisk());
    const source = await tickers(context).startRecorded(place.path("d.pio"));
    await source.console.untilNumbers("tick", 2);
    const save = (file: string) =>
      portrait("checkpoint", "--from", `qemu:${source.qmp2}`, "--trace", "d.pio", "-o", file);
    for (const [file, reason] of [
      ["nowhere/d.checkpoint", /there is no such file/],
      [place.folder, /it is a directory/],
      [`${disk}/d.checkpoint`, /the disk is full/],
    ] as const) {
      const { status, stderr } = await save(file);
      expect([status, stderr]).toEqual([2, expect.stringMatching(/was not made; the guest goes on on the source/)]);
      expect(stderr).toMatch(reason);
      await ticksOn(source);
    }
    expect(readdirSync(disk)).toEqual([]);
  });

  test("is not restored from what is no whole checkpoint, or on another kind of machine, which goes on waiting", async (context) => {
    const ticker = tickers(context);
    const source = await ticker.startRecorded(place.path("e.pio"));
    await source.console.untilNumbers("tick", 2);
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", "e.pio"];
    expect(await portrait("checkpoint", ...from, "-o", "whole")).toMatchObject({ status: 0 });
    const whole = readFileSync(place.path("whole"));
    const damaged = Buffer.from(whole);
    const middle = whole.length >> 1;
    damaged.writeUInt8(damaged.readUInt8(middle) ^ 1, middle);
    writeFileSync(place.path("damaged"), damaged);
    writeFileSync(place.path("cut"), whole.subarray(0, middle));
    writeFileSync(place.path("older"), changed(whole, '"engineVersion":"7.2"', '"engineVersion":"7.1"'));
    place.run(
      "checkpoint",
      "--guest",
      tickerImage,
      "--memory",
      "16",
      "--deterministic",
      "--until",
      "1",
      "-o",
      "embedded",
    );
    const target = await ticker.startWaiting();
    for (const [file, reason] of [
      ["damaged", /damaged/],
      ["cut", /cut is cut off/],
      ["older", /comes from qemu 7\.1 with 16 MiB, this machine is qemu 7\.2 with 16 MiB/],
      ["embedded", /comes from v86 .* with 16 MiB, this machine is qemu/],
    ] as const) {
      const { status, stderr } = await portrait("restore", file, "--to", addressOf(target));
      expect([status, stderr]).toEqual([2, expect.stringMatching(reason)]);
    }
    const larger = await tickers(context, 32).startWaiting();
    const other = await portrait("restore", "whole", "--to", addressOf(larger));
    expect(other).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/with 16 MiB, this machine .* with 32 MiB/),
    });
    expect(await portrait("restore", "whole")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/comes from qemu .*, this machine is v86/),
    });
    for (const one of [target, larger]) expect(await runState(one)).toMatchObject({ status: "inmigrate" });
    expect(await portrait("restore", "whole", "--to", addressOf(target))).toMatchObject({ status: 0 });
    await ticksOn(target);
  });

  test("and one that is booted here do not mix", () => {
    const qemu = ["--from", "qemu:/a", "--trace", "a.pio"];
    const cases = [
      [["checkpoint", "--from", "qemu:/a", "-o", "x"], /say with --trace/],
      [["checkpoint", ...qemu, "--guest", tickerImage, "-o", "x"], /are for a guest booted here/],
      [["checkpoint", "--guest", tickerImage, "--trace", "a.pio", "-o", "x"], /--trace is for a guest on a QEMU/],
      [["clone", ...qemu], /cannot go on on v86; say with --to/],
      [["clone", "--guest", tickerImage, "--to", "qemu:/b,qtest=/c"], /cannot go on on a QEMU/],
      [["clone", ...qemu, "--to", "qemu:/b"], /needs a qtest socket/],
      [["restore", "x", "--to", "kvm"], /Expected v86 or qemu:/],
      [["restore", "x", "--to", "qemu:/b,qtest=/c", "--until", "2"], /--until and --deterministic are for/],
      [["restore", "x", "-o", "json"], /-o json is for/],
    ] as const;
    for (const [args, message] of cases) {
      const { status, stderr } = place.run(...args);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});

/** The guest counts on, and its shell answers. */
async function answers({ console }: GuestQemu): Promise<void> {
  await console.untilNumbers("count", console.numbers("count").length + 2);
  const at = console.text.length;
  console.type("echo hello $((6*7))\r");
  await console.until("hello 42\r\n", 20_000, at);
}

test(
  "Debian Linux on QEMU answers beside its clone, and from a checkpoint after everything else is gone",
  { timeout: 180_000 },
  async (context) => {
    const linux = need(context, debianCloudLinux());
    const machine = qemus(place, need(context, program("qemu-system-x86_64")), linuxMachine(linux));
    const source = await machine.startRecorded(place.path("linux.pio"));
    await source.console.until("guest# ", 120_000);
    source.console.type("count 0.1 &\r");
    await source.console.untilNumbers("count", 3);
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", "linux.pio"];

    const saving = await during(source.console, () => portrait("checkpoint", ...from, "-o", "linux.checkpoint"));
    expect(saving.result).toMatchObject({ status: 0 });
    await answers(source);

    const clone = await machine.startWaiting();
    const cloning = await during(source.console, () => portrait("clone", ...from, "--to", addressOf(clone)));
    expect(cloning.result).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("nothing differs without a reason"),
    });
    await Promise.all([answers(source), answers(clone)]);
    expect(partings("count", source.console.text, cloning.stretch, clone.console.text)).not.toEqual([]);

    for (const { process } of [source, clone]) process.kill("SIGKILL");
    const last = await machine.startWaiting();
    const restored = await portrait("restore", "linux.checkpoint", "--to", addressOf(last));
    expect(restored).toMatchObject({ status: 0, stdout: expect.stringContaining("nothing differs without a reason") });
    await answers(last);
    expect(partings("count", source.console.text, saving.stretch, last.console.text)).not.toEqual([]);
  },
);
