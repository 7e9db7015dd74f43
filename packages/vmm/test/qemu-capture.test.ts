import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { accessAt, type Access, type AccessBatch } from "@portrait/tracer";
import { describe, expect, onTestFinished, test, vi, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { PC, qemuAccesses } from "../../../test-support/qemu-guest.ts";
import { QemuCapture, QmpClient, QtestTarget, type CaptureOptions } from "../src/index.ts";
import { counter } from "./support/counter-guest.ts";
import { startQemu, testFolder, type QemuProcess } from "./support/qemu-process.ts";

const GUESTS = fileURLToPath(new URL("../../../fixtures/guests", import.meta.url));
const MACHINE = [...PC, "-m", "16", "-vga", "std"];
// Time is instructions executed: every run is the same.
const DETERMINISTIC = ["-icount", "shift=4,sleep=off", "-rtc", "base=2024-01-01,clock=vm"];
const TICKER = ["-bios", `${GUESTS}/ticker.bin`, "-serial", "file:FOLDER/console"];
const PAUSED = "-S";

function start(context: TestContext, ...options: readonly string[]): Promise<QemuProcess> {
  return startQemu(need(context, program("qemu-system-i386")), options);
}

async function connect({ qmp }: QemuProcess): Promise<QmpClient> {
  const client = await QmpClient.connect(qmp);
  onTestFinished(() => client.close());
  return client;
}

/** Attaches, and keeps what comes. */
async function attach(client: QmpClient, options: Partial<CaptureOptions> = {}) {
  const accesses: Access[] = [];
  const remarks: string[] = [];
  const keep = (batch: AccessBatch): Promise<void> => {
    for (let row = 0; row < batch.length; row++) accesses.push(accessAt(batch, row));
    remarks.push(...batch.markers.map(({ text }) => text), ...batch.gaps.map(({ reason }) => reason));
    return Promise.resolve();
  };
  const writer = { write: keep, flush: () => Promise.resolve() };
  const capture = await QemuCapture.attach(client, { writer, startedAt: Date.now(), ...options });
  return { capture, accesses, remarks };
}

const textOf = ({ vcpu, direction, port, width, value }: Access) =>
  `cpu ${vcpu} ${direction}${width} ${port.toString(16)} ${value.toString(16)}`;

/** Waits for something to become true, 10 s at the most. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

const ticks = ({ folder }: QemuProcess) => readFileSync(join(folder, "console"), "latin1").split("\n").length;

async function expectTicking(qemu: QemuProcess): Promise<void> {
  const before = ticks(qemu);
  await until(() => ticks(qemu) > before + 2);
}

const eventStates = async (client: QmpClient) =>
  JSON.stringify(await client.execute("trace-event-get-state", { name: "memory_region_ops_*" })).match(
    /"(en|dis)abled"/g,
  );

const OFF = ['"disabled"', '"disabled"'];

/** Paths a process has open for its log: those in this folder or of a capture. */
function logsOf(pid: number | undefined, folder: string): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return links.filter((link) => /\/portrait-qemu-|\.log$/.test(link)).map((link) => link.replace(`${folder}/`, ""));
}

const upTo = (count: number) => [...Array(count).keys()];

describe("what is captured", () => {
  test.for(["criterion-port", "criterion-preceding", "string-io"])(
    "is what QEMU's own log shows of %s",
    async (name, context) => {
      const qemu = await start(context, ...MACHINE, "-bios", `${GUESTS}/${name}.bin`, "-serial", "null", PAUSED);
      const logged = (await qemuAccesses(name)).map(
        ({ direction, port, size, value }) =>
          `cpu 0 ${direction}${size * 8} ${port.toString(16)} ${value.toString(16)}`,
      );
      const client = await connect(qemu);
      const { capture, accesses } = await attach(client, { accesses: logged.length });
      await client.execute("cont");
      await capture.run({ wallMs: 10_000 });
      await capture.detach();
      expect(accesses.map(textOf)).toEqual(logged);
    },
  );

  test("is what QEMU's own log shows of an operating system, 20,000 accesses on end", async (context) => {
    const options = [...MACHINE, ...DETERMINISTIC, ...TICKER, PAUSED];
    const traced = await start(context, ...options, "-trace", "memory_region_ops_*", "-D", "FOLDER/trace.log");
    await (await connect(traced)).execute("cont");
    const log = () => readFileSync(join(traced.folder, "trace.log"), "latin1").split("\n");
    await until(() => log().length > 21_000);

    const client = await connect(await start(context, ...options));
    const { capture, accesses } = await attach(client, { accesses: 20_000 });
    await client.execute("cont");
    await capture.run({ wallMs: 15_000 });
    await capture.detach();
    const LINE = /ops_(read|write) cpu (\d+) .* addr 0x(\w+) value 0x(\w+) size (\d)/;
    const logged = log()
      .slice(0, 20_000)
      .map((line) => {
        const [, operation, cpu, port, value = "", size] = LINE.exec(line) ?? [];
        const kept = parseInt(value.slice(-2 * Number(size)), 16).toString(16);
        return `cpu ${cpu} ${operation === "read" ? "in" : "out"}${Number(size) * 8} ${port} ${kept}`;
      });
    expect(accesses.map(textOf)).toEqual(logged);
  });

  test("has the vcpu of each access, each one's in order", async (context) => {
    const nasm = need(context, program("nasm"));
    const image = join(testFolder(), "two-cpus.bin");
    const source = fileURLToPath(new URL("support/two-cpus.asm", import.meta.url));
    const { stderr } = spawnSync(nasm, ["-I", `${GUESTS}/`, "-f", "bin", "-o", image, source], { encoding: "utf8" });
    expect(stderr).toBe("");
    const qemu = await start(context, "-machine", "pc", "-m", "16", "-nodefaults", "-smp", "2", "-bios", image, PAUSED);
    const client = await connect(qemu);
    const { capture, accesses } = await attach(client, { accesses: 40_000 });
    await client.execute("cont");
    expect(await capture.run({ wallMs: 15_000 })).toBe("limit");
    await capture.detach();
    const of = (vcpu: number) => accesses.filter((access) => access.vcpu === vcpu);
    expect(of(0).map(({ port, value }) => [port, value])).toEqual(upTo(20_000).map((value) => [0x500, value]));
    expect(of(1).map(({ port, value }) => [port, value])).toEqual(upTo(20_000).map((value) => [0x502, value]));
  });

  test("leaves no access out where the file does not follow: the guest waits", async (context) => {
    const count = 400_000;
    const client = await connect(await start(context, ...MACHINE, ...counter(count), PAUSED));
    const values: number[] = [];
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const writer = {
      write: (batch: AccessBatch) => {
        values.push(...batch.value.subarray(0, batch.length));
        return gate;
      },
      flush: () => gate,
    };
    const { capture } = await attach(client, { writer, accesses: count });
    await client.execute("cont");
    const seen: number[] = [];
    await until(() => {
      seen.push(capture.counts.accesses);
      return seen.at(-1) !== 0 && new Set(seen.slice(-20)).size === 1;
    });
    expect(capture.counts.accesses).toBeLessThan(count);
    open();
    expect(await capture.run({ wallMs: 15_000 })).toBe("limit");
    await capture.detach();
    expect(values.length).toBe(count);
    expect(values.every((value, i) => value === i)).toBe(true);
  });

  test("is the guest's: not what qtest and monitors do to the ports", async (context) => {
    const options = ["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"];
    const qemu = await start(context, ...MACHINE, ...counter(3), ...options, PAUSED);
    const client = await connect(qemu);
    const { capture, accesses } = await attach(client);
    const qtest = await QtestTarget.connect(join(qemu.folder, "qtest"));
    await qtest.perform([{ direction: "out", port: 0x21, width: 8, value: 0xff }]);
    qtest.close();
    await client.monitor("i /b 0x21");
    await client.execute("cont");
    await until(() => capture.counts.accesses === 3);
    await capture.detach();
    expect(accesses.map(({ port }) => port)).toEqual([0x500, 0x500, 0x500]);
    expect(capture.counts.foreign).toBe(2);
  });
});

describe("times", () => {
  test("are QEMU's where it stamps its log", async (context) => {
    const qemu = await start(context, ...MACHINE, ...counter(3), "-msg", "timestamp=on", PAUSED);
    const client = await connect(qemu);
    const startedAt = Date.now() - 1000;
    const { capture, accesses, remarks } = await attach(client, { startedAt });
    const before = Date.now();
    await client.execute("cont");
    await until(() => capture.counts.accesses === 3);
    await capture.detach();
    const [first = 0] = accesses.map(({ time }) => time / 1e6 + startedAt);
    expect(first).toBeGreaterThanOrEqual(before);
    expect(first).toBeLessThanOrEqual(Date.now());
    expect(remarks).toEqual([]);
  });

  test("are those of arrival where it does not, and the trace says so", async (context) => {
    const client = await connect(await start(context, ...MACHINE, ...counter(3), PAUSED));
    const { capture, accesses, remarks } = await attach(client);
    await client.execute("cont");
    await until(() => capture.counts.accesses === 3);
    await capture.detach();
    expect(accesses.every(({ time }) => time > 0)).toBe(true);
    expect(remarks).toEqual([expect.stringMatching(/times are those of arrival/)]);
  });
});

describe("QEMU is left as it was found", () => {
  test("twice, with its guest ticking on and its log appended to", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER, "-D", "FOLDER/own.log", "-d", "guest_errors");
    const client = await connect(qemu);
    writeFileSync(join(qemu.folder, "own.log"), "what was there\n");
    for (const _ of [1, 2]) {
      const { capture, accesses } = await attach(client);
      expect(logsOf(qemu.process.pid, qemu.folder)).toEqual([expect.stringMatching(/portrait-qemu-/)]);
      await until(() => capture.counts.accesses > 100);
      await capture.detach();
      expect(accesses.length).toBe(capture.counts.accesses);
      expect(capture.remarks).toEqual([expect.stringMatching(/does not log to .*own\.log/)]);
      expect(await eventStates(client)).toEqual(OFF);
      expect(logsOf(qemu.process.pid, qemu.folder)).toEqual(["own.log"]);
      expect(readFileSync(join(qemu.folder, "own.log"), "utf8")).toBe("what was there\n");
      await expectTicking(qemu);
    }
  });

  test("with the events on that were on", async (context) => {
    const options = ["-trace", "memory_region_ops_write", "-D", "FOLDER/own.log"];
    const qemu = await start(context, ...MACHINE, ...TICKER, ...options);
    const client = await connect(qemu);
    const { capture } = await attach(client);
    await until(() => capture.counts.accesses > 100);
    await capture.detach();
    expect((await eventStates(client))?.toSorted()).toEqual(['"disabled"', '"enabled"']);
    const size = () => readFileSync(join(qemu.folder, "own.log")).length;
    const before = size();
    await until(() => size() > before);
  });

  test("where it is a daemon, whose log is its stderr", async (context) => {
    const command = need(context, program("qemu-system-i386"));
    const folder = testFolder();
    const socket = join(folder, "qmp");
    const own = ["-daemonize", "-pidfile", join(folder, "pid"), "-qmp", `unix:${socket},server=on,wait=off`];
    spawnSync(command, [...MACHINE, ...counter(3), "-display", "none", PAUSED, ...own, "-D", join(folder, "own.log")]);
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    onTestFinished(() => void process.kill(pid, "SIGKILL"));
    const client = await QmpClient.connect(socket);
    const { capture, accesses } = await attach(client);
    await client.execute("cont");
    await until(() => capture.counts.accesses === 3);
    await capture.detach();
    expect(accesses.length).toBe(3);
    expect(logsOf(pid, folder)).toEqual(["own.log"]);
    client.close();
  });

  test("where it cannot open the pipe", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER, "-D", "FOLDER/own.log");
    const client = await connect(qemu);
    // QEMU takes a % in the name of a log file for a template.
    vi.stubEnv("TMPDIR", join(qemu.folder, "%s"));
    onTestFinished(() => void vi.unstubAllEnvs());
    mkdirSync(tmpdir());
    await expect(attach(client)).rejects.toMatchObject({
      code: "COMMAND",
      message: expect.stringMatching(/cannot log to portrait's pipe/),
    });
    expect(await eventStates(client)).toEqual(OFF);
    expect(logsOf(qemu.process.pid, qemu.folder)).toEqual(["own.log"]);
    await expectTicking(qemu);
  });

  test("where another capture is at work, which goes on", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER, "-qmp", "unix:FOLDER/qmp2,server=on,wait=off");
    const { capture } = await attach(await connect(qemu));
    const second = await QmpClient.connect(join(qemu.folder, "qmp2"));
    onTestFinished(() => second.close());
    await expect(attach(second)).rejects.toMatchObject({ code: "BUSY" });
    const before = capture.counts.accesses;
    await until(() => capture.counts.accesses > before);
    await capture.detach();
  });
});

describe("a capture ends cleanly", () => {
  test("when QEMU is killed", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER);
    const { capture, accesses } = await attach(await connect(qemu));
    await until(() => capture.counts.accesses > 100);
    qemu.process.kill("SIGKILL");
    expect(await capture.run({ wallMs: 10_000 })).toBe("gone");
    await capture.detach();
    expect(accesses.length).toBe(capture.counts.accesses);
    expect(capture.remarks).toEqual([]);
  });

  test("when the guest is shut down", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER);
    const client = await connect(qemu);
    const { capture } = await attach(client);
    const ended = capture.run({ wallMs: 10_000 });
    // QEMU may close the socket before it has answered.
    await client.execute("quit").catch(() => undefined);
    expect(await ended).toBe("shutdown");
    await capture.detach();
  });

  test("when somebody else takes QEMU's log", async (context) => {
    const client = await connect(await start(context, ...MACHINE, ...TICKER));
    const { capture } = await attach(client);
    const ended = capture.run({ wallMs: 10_000 });
    await client.monitor("logfile /dev/null");
    expect(await ended).toBe("taken");
    await capture.detach();
    expect(await eventStates(client)).toEqual(OFF);
  });

  test("on a signal, also one given before", async (context) => {
    const { capture } = await attach(await connect(await start(context, ...MACHINE, ...TICKER)));
    expect(await capture.run({ signal: AbortSignal.abort() })).toBe("interrupted");
    await capture.detach();
  });

  test("when the file cannot be written, with QEMU as it was found", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER);
    const client = await connect(qemu);
    const full = () => Promise.reject(new Error("the disk is full"));
    const { capture } = await attach(client, { writer: { write: full, flush: full } });
    expect(await capture.run({ wallMs: 10_000 })).toBe("limit");
    await expect(capture.detach()).rejects.toThrow("the disk is full");
    expect(await eventStates(client)).toEqual(OFF);
    await expectTicking(qemu);
  });

  test("and leaves no pipe behind", async (context) => {
    const qemu = await start(context, ...MACHINE, ...TICKER);
    vi.stubEnv("TMPDIR", testFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    const { capture } = await attach(await connect(qemu));
    expect(readdirSync(tmpdir())).toEqual([expect.stringMatching(/^portrait-qemu-/)]);
    await capture.detach();
    expect(readdirSync(tmpdir())).toEqual([]);
  });
});

test("a reset of the machine makes its registers unknown", async (context) => {
  const client = await connect(await start(context, ...MACHINE, ...counter(5)));
  const { capture, accesses, remarks } = await attach(client);
  await client.execute("system_reset");
  await until(() => capture.counts.accesses === 5);
  await capture.sync();
  await capture.detach();
  expect(accesses.length).toBe(5);
  expect(remarks).toContain("the machine was reset");
});
