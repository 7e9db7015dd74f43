import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { QmpClient } from "@portrait/vmm";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { kvmTracing } from "../../../test-support/kvm.ts";
import { program } from "../../../test-support/program.ts";
import { counter } from "../../vmm/test/support/counter-guest.ts";
import { startQemu, type QemuProcess } from "../../vmm/test/support/qemu-process.ts";
import { Workplace } from "./support/portrait.ts";
import { running } from "./support/running.ts";

const ENDLESS = 0x7fffffff;
const KVM = ["-accel", "kvm", "-cpu", "qemu64,pni=off", "-m", "16", "-nodefaults"];

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => {
  place.remove();
});

/** Starts a guest of KVM that writes to a port without end. */
async function startCounting(context: TestContext, port = 0x500, options: readonly string[] = []) {
  const qemu = await startQemu(need(context, program("qemu-system-x86_64")), [
    ...KVM,
    ...options,
    ...counter(ENDLESS, port),
  ]);
  // Its socket is there before its guest is.
  (await QmpClient.connect(qemu.qmp)).close();
  return { ...qemu, pid: String(qemu.process.pid) };
}

const record = (...args: readonly string[]) => place.run("record", "--engine", "kvm", ...args);

/** Records the guest until told to end. */
async function startRecording({ pid }: { readonly pid: string }, name: string) {
  const child = place.start("record", "--engine", "kvm", "--pid", pid, "-o", name);
  const { ended } = running(child);
  for (let i = 0; i < 1500 && !(existsSync(place.path(name)) && statSync(place.path(name)).size > 4000); i++)
    await sleep(10);
  return { child, ended };
}

describe("portrait record --engine kvm", { timeout: 60_000 }, () => {
  let instances: string;
  beforeEach((context) => {
    instances = need(context, kvmTracing());
  });
  const instancesOf = (pid: number | undefined) =>
    readdirSync(instances).filter((name) => name.startsWith(`portrait-${pid}-`));

  test.for(["SIGINT", "SIGTERM"] as const)(
    "leaves a whole trace and nothing in the kernel on %s",
    async (signal, context) => {
      const qemu = await startCounting(context, 0x500, ["-name", "web"]);
      const { child, ended } = await startRecording(qemu, "t.pio");
      expect(instancesOf(child.pid).length).toBe(1);
      child.kill(signal);
      const { status, stderr } = await ended;
      expect(stderr).toMatch(/^portrait: interrupted; t\.pio: [\d,]+ accesses, .*\n$/);
      expect(status).toBe(130);
      expect(instancesOf(child.pid)).toEqual([]);
      expect(place.run("verify", "t.pio").status).toBe(0);
      const machine = { engine: "kvm", guest: `web (process ${qemu.pid})` };
      expect(place.json("stats", "t.pio")).toMatchObject({ fromReset: false, machine });
    },
  );

  test("killed, leaves its instance to the next one, which removes it and says so", async (context) => {
    const qemu = await startCounting(context);
    const { child, ended } = await startRecording(qemu, "killed.pio");
    child.kill("SIGKILL");
    await ended;
    const [left = "none"] = instancesOf(child.pid);
    expect(place.run("machines").stderr).toContain(
      `the tracing instance ${left} was left by a portrait that was killed`,
    );
    const { status, stderr } = record("--pid", qemu.pid, "--until", "200 accesses", "-o", "t.pio");
    expect(stderr).toContain(`removed the tracing instance ${left}`);
    expect(stderr).toMatch(/stopped; t\.pio: 200 accesses, /);
    expect(status).toBe(0);
    expect(existsSync(`${instances}/${left}`)).toBe(false);
  });

  test("records all guests, a trace each", async (context) => {
    const guests = [await startCounting(context), await startCounting(context, 0x540)];
    const { status, stderr } = record("--pid", "all", "--until", "300ms", "-o", "host.pio");
    expect(status).toBe(0);
    for (const [i, { pid }] of guests.entries()) {
      expect(stderr).toMatch(new RegExp(`host\\.${pid}\\.pio: [\\d,]+ accesses`));
      const stats = place.json("stats", `host.${pid}.pio`) as { uncovered: { ports: readonly { port: string }[] } };
      expect(stats.uncovered.ports.map(({ port }) => port)).toEqual([["0x500", "0x540"][i]]);
    }
  });

  test("has the kernel look at some ports only, which may be none of the guest's", async (context) => {
    const qemu = await startCounting(context);
    const { status, stderr } = record("--pid", qemu.pid, "--ports", "0x20..0x21", "--until", "500ms", "-o", "t.pio");
    expect(stderr).toMatch(/t\.pio: 0 accesses/);
    expect(status).toBe(0);
  });

  test("tells what is lost, and what to do", async (context) => {
    const qemu = await startCounting(context);
    const child = place.start("record", "--engine", "kvm", "--pid", qemu.pid, "--buffer", "8", "-o", "t.pio");
    const { ended } = running(child);
    while (instancesOf(child.pid).length === 0) await sleep(10);
    await sleep(500);
    child.kill("SIGSTOP");
    await sleep(500);
    child.kill("SIGCONT");
    await sleep(500);
    child.kill("SIGINT");
    const { stderr } = await ended;
    expect(stderr).toMatch(
      /[\d,]+ accesses were lost in \d+ gaps?: the kernel's buffer was full; give it more with --buffer/,
    );
    expect(place.run("inspect", "t.pio", "--head", "100000").stdout).toMatch(/gap.*the kernel's buffer was full/);
  });

  test("says what to do where tracefs is not mounted", () => {
    const unmounted = (...args: readonly string[]) =>
      place.shell(
        `export -f portrait; unshare --mount bash -c 'umount -l /sys/kernel/tracing; umount -l /sys/kernel/debug 2> /dev/null; ${args.join(" ")}'`,
      );
    const { status, stderr } = unmounted("portrait record --engine kvm --pid all -o t.pio");
    expect(stderr).toMatch(/tracefs is not mounted; to mount it: mount -t tracefs nodev \/sys\/kernel\/tracing/);
    expect(status).toBe(2);
    expect(unmounted("portrait machines").stderr).toMatch(
      /guests of KVM cannot be recorded now: tracefs is not mounted/,
    );
  });

  test("refuses a process without a guest, and leaves no file", () => {
    const { status, stderr } = record("--pid", String(process.pid), "-o", "t.pio");
    expect(stderr).toMatch(/process \d+ \(.*\) runs no KVM guest; "portrait machines" lists those that do/);
    expect(status).toBe(2);
    expect(existsSync(place.path("t.pio"))).toBe(false);
  });

  test("replaces no file, and leaves nothing in the kernel", async (context) => {
    const qemu = await startCounting(context);
    expect(record("--pid", qemu.pid, "--until", "1 access", "-o", "t.pio").status).toBe(0);
    const child = place.start("record", "--engine", "kvm", "--pid", qemu.pid, "-o", "t.pio");
    const { stderr, status } = await running(child).ended;
    expect(stderr).toMatch(/t\.pio: it exists already/);
    expect(status).toBe(2);
    expect(instancesOf(child.pid)).toEqual([]);
  });
});

describe("portrait machines", () => {
  interface Machines {
    readonly machines: readonly { readonly pid: number }[];
    readonly kvm: unknown;
  }
  const found = (qemu: Pick<QemuProcess, "process">) => {
    const { machines } = place.json("machines") as Machines;
    return machines.find(({ pid }) => pid === qemu.process.pid);
  };

  test("lists a guest of KVM, with the commands that record it", async (context) => {
    need(context, kvmTracing());
    const qemu = await startCounting(context, 0x500, ["-name", "guest=web,debug-threads=on"]);
    const kvm = `portrait record --engine kvm --pid ${qemu.pid} -o ${qemu.pid}.pio`;
    const qmp = `portrait record --engine qemu --qmp ${qemu.qmp} -o vm.pio`;
    expect(found(qemu)).toEqual({
      pid: Number(qemu.pid),
      program: "qemu-system-x86_64",
      name: "web",
      vcpus: 1,
      record: [
        { engine: "kvm", command: kvm },
        { engine: "qemu", command: qmp, qmp: qemu.qmp, busy: false },
      ],
    });
    const { stdout } = place.run("machines");
    expect(stdout).toMatch(new RegExp(`${qemu.pid}  qemu-system-x86_64  web, 1 vcpu +${kvm}\n`));
    expect(stdout).toContain(qmp);
  });

  test("lists a QEMU without KVM, and says when somebody is at its socket", async (context) => {
    const qemu = await startQemu(need(context, program("qemu-system-i386")), ["-nodefaults", "-S"]);
    expect(found(qemu)).toMatchObject({ record: [{ engine: "qemu", qmp: qemu.qmp, busy: false }] });
    const client = await QmpClient.connect(qemu.qmp);
    expect(found(qemu)).toMatchObject({ record: [{ busy: true }] });
    client.close();
  });

  test("lists a QEMU that has no socket, without a way to record it", async (context) => {
    const options = ["-nodefaults", "-display", "none", "-S", "-name", "mute"];
    const qemu = spawn(need(context, program("qemu-system-i386")), options, { stdio: "ignore" });
    onTestFinished(() => void qemu.kill("SIGKILL"));
    await once(qemu, "spawn");
    await expect.poll(() => found({ process: qemu })).toMatchObject({ name: "mute", record: [] });
    expect(place.run("machines").stdout).toMatch(
      new RegExp(`${qemu.pid}  .*mute +cannot be recorded: it has no QMP socket`),
    );
  });
});

describe("says what is wrong:", () => {
  test.each([
    ["no guest", ["--engine", "kvm"], /--pid N of its process, or --pid all; "portrait machines" lists them/],
    ["no number", ["--engine", "kvm", "--pid", "vm"], /Expected the number of a process, or "all"/],
    ["a text", ["--engine", "kvm", "--pid", "1", "--until", "login:"], /give SECONDS or 'N accesses'/],
    ["a guest of our own", ["--engine", "kvm", "--guest", "x.bin"], /records guests that run; say which with --pid/],
    ["a command", ["--engine", "kvm", "--pid", "1", "--", "qemu"], /records guests that run; say which with --pid/],
    ["another engine", ["--pid", "1"], /add --engine kvm/],
  ])("%s", (_, args, message) => {
    const { status, stderr } = place.run("record", "-o", "t.pio", ...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(existsSync(place.path("t.pio"))).toBe(false);
  });
});
