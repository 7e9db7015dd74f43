import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessAt, type Access, type AccessBatch, type Gap } from "@portrait/tracer";
import { beforeEach, describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { kvmTracing } from "../../../test-support/kvm.ts";
import { program } from "../../../test-support/program.ts";
import { KvmCapture, kvmGuest, kvmGuests, QmpClient, type KvmCaptureOptions, type KvmGuest } from "../src/index.ts";
import { counter } from "./support/counter-guest.ts";
import { startQemu, testFolder, type QemuProcess } from "./support/qemu-process.ts";

const GUESTS = fileURLToPath(new URL("../../../fixtures/guests", import.meta.url));
const KVM = ["-accel", "kvm", "-cpu", "qemu64,pni=off", "-m", "16", "-nodefaults"];
// All devices in QEMU, so that QEMU sees every access that KVM sees.
const SEABIOS = [...KVM, "-machine", "pc,kernel-irqchip=off", "-m", "64", "-vga", "std"];
const PAUSED = "-S";

let instances: string;
beforeEach((context) => {
  instances = need(context, kvmTracing());
});

async function start(context: TestContext, ...options: readonly string[]): Promise<QemuProcess> {
  const qemu = await startQemu(need(context, program("qemu-system-x86_64")), options);
  // Its socket is there before its guest is.
  (await QmpClient.connect(qemu.qmp)).close();
  return qemu;
}

const guestOf = ({ process }: QemuProcess) => kvmGuest(process.pid ?? 0);

async function resume({ qmp }: QemuProcess): Promise<void> {
  const client = await QmpClient.connect(qmp);
  await client.execute("cont");
  client.close();
}

interface Seen {
  readonly accesses: Access[];
  /** By the number of the access they stand before. */
  readonly gaps: Gap[];
  readonly remarks: string[];
}

/** Prepares a capture and keeps what comes, by process. */
async function prepare(guest: KvmGuest | "all", options: Partial<KvmCaptureOptions> = {}) {
  const seen = new Map<number, Seen>();
  const of = (pid: number): Seen => {
    const one = seen.get(pid) ?? { accesses: [], gaps: [], remarks: [] };
    seen.set(pid, one);
    return one;
  };
  const open = ({ pid }: KvmGuest) => {
    const one = of(pid);
    const write = (batch: AccessBatch): Promise<void> => {
      one.gaps.push(...batch.gaps.map((gap) => ({ ...gap, index: one.accesses.length + gap.index })));
      for (let row = 0; row < batch.length; row++) one.accesses.push(accessAt(batch, row));
      one.remarks.push(...batch.markers.map(({ text }) => text));
      return Promise.resolve();
    };
    return Promise.resolve({ writer: { write, flush: () => Promise.resolve() } });
  };
  const capture = await KvmCapture.prepare({ guest, ports: [], open, ...options });
  await capture.begin();
  return { capture, of };
}

/** Captures a guest that has not begun, up to a number of accesses. */
async function captureFromStart(qemu: QemuProcess, options: Partial<KvmCaptureOptions> = {}) {
  const guest = await guestOf(qemu);
  const { capture, of } = await prepare(guest, options);
  await resume(qemu);
  expect(await capture.run({ wallMs: 10_000 })).toBe("limit");
  return { capture, ...of(guest.pid) };
}

const upTo = (count: number) => [...Array(count).keys()];
const ownInstances = () => readdirSync(instances).filter((name) => name.startsWith(`portrait-${process.pid}-`));

/** An access as its bytes: QEMU shows a word that a device takes in bytes as bytes. */
function bytesOf(direction: string, port: number, width: number, value: number): string[] {
  return [...Array(width / 8).keys()].map(
    (i) => `${direction} ${(port + i).toString(16)} ${(value >>> (8 * i)) & 0xff}`,
  );
}

/** The first `count` bytes that went through ports, as QEMU's own log has them. */
function loggedBytes(log: string, count: number): string[] {
  const LINE = /ops_(read|write) cpu 0 .* addr 0x(\w{1,4}) value 0x(\w+) size (\d) name '(.*)'/;
  const bytes: string[] = [];
  for (const line of log.split("\n")) {
    const [, kind, port = "", value = "", size, region] = LINE.exec(line) ?? [];
    if (kind === undefined) continue;
    const width = 8 * Number(size);
    const number = parseInt(value.slice(-width / 4), 16);
    // The one region whose bytes QEMU turns round before it logs them.
    const logged =
      region === "fwcfg.dma" ? Buffer.from(value.padStart(width / 4, "0"), "hex").readUIntLE(0, width / 8) : number;
    bytes.push(...bytesOf(kind === "read" ? "in" : "out", parseInt(port, 16), width, logged));
    if (bytes.length >= count) break;
  }
  return bytes.slice(0, count);
}

describe("what is captured", () => {
  test("is what QEMU's own log of the same run shows of SeaBIOS", async (context) => {
    const qemu = await start(context, ...SEABIOS, "-trace", "memory_region_ops_*", "-D", "FOLDER/trace.log", PAUSED);
    const { capture, accesses, gaps } = await captureFromStart(qemu, { accesses: 2500 });
    qemu.process.kill("SIGKILL");
    const strings = accesses.filter(({ count }) => count > 1);
    const bytes = accesses.flatMap(({ direction, port, width, value, count }) =>
      // Of a string instruction the kernel shows the first element alone.
      [bytesOf(direction, port, width, value), ...Array(count - 1).fill(["not seen"])].flat(),
    );
    const logged = loggedBytes(readFileSync(join(qemu.folder, "trace.log"), "latin1"), bytes.length);
    expect(bytes.map((byte, i) => (byte === "not seen" ? logged[i] : byte))).toEqual(logged);
    expect(strings.length).toBeGreaterThan(0);
    expect(strings.every(({ payload }) => payload === undefined)).toBe(true);
    expect(gaps).toEqual([]);
    expect(capture.counts).toEqual({ accesses: 2500, lost: 0, gaps: 0, late: 0 });
  });

  test("is the accesses of one guest, also where two run at once", async (context) => {
    const [one, other] = [
      await start(context, ...KVM, ...counter(5000)),
      await start(context, ...KVM, ...counter(1 << 30, 0x600)),
    ];
    const guest = await guestOf(other);
    const { capture, of } = await prepare(guest, { accesses: 500 });
    // The kernel itself passes over everybody else.
    const asked = readFileSync(join(instances, ownInstances()[0] ?? "", "set_event_pid"), "utf8")
      .trim()
      .split("\n");
    expect(asked.toSorted()).toEqual(readdirSync(`/proc/${guest.pid}/task`).toSorted());
    await capture.run({ wallMs: 10_000 });
    const { accesses } = of(guest.pid);
    expect(accesses.length).toBe(500);
    expect(new Set(accesses.map(({ port }) => port))).toEqual(new Set([0x600]));
    expect((await kvmGuests()).map(({ pid }) => pid)).toEqual(
      expect.arrayContaining([one.process.pid, other.process.pid]),
    );
  });

  test("is those of all guests, each to its own, whenever it has begun", async (context) => {
    const { capture, of } = await prepare("all");
    const stop = new AbortController();
    const running = capture.run({ wallMs: 20_000, signal: stop.signal });
    const guests = [
      await start(context, ...KVM, ...counter(3000)),
      await start(context, ...KVM, ...counter(3000, 0x600)),
    ];
    const own = guests.map(({ process }) => of(process.pid ?? 0));
    await expect.poll(() => own.map(({ accesses }) => accesses.length), { timeout: 10_000 }).toEqual([3000, 3000]);
    stop.abort();
    expect(await running).toBe("interrupted");
    for (const [i, port] of [0x500, 0x600].entries())
      expect(own[i]?.accesses.map((access) => [access.port, access.value])).toEqual(
        upTo(3000).map((value) => [port, value]),
      );
  });

  test("is only the ports that the kernel was asked for", async (context) => {
    const qemu = await start(context, ...SEABIOS, PAUSED);
    const { accesses } = await captureFromStart(qemu, {
      ports: [
        [0x70, 0x70],
        [0xcf8, 0xcfb],
      ],
      accesses: 200,
    });
    expect(new Set(accesses.map(({ port }) => port))).toEqual(new Set([0x70, 0xcf8]));
  });

  test("has the vcpu of each access, and all in the order of time", async (context) => {
    const image = join(testFolder(), "two-cpus.bin");
    const source = fileURLToPath(new URL("support/two-cpus.asm", import.meta.url));
    const nasm = need(context, program("nasm"));
    expect(spawnSync(nasm, ["-I", `${GUESTS}/`, "-f", "bin", "-o", image, source], { encoding: "utf8" }).stderr).toBe(
      "",
    );
    const qemu = await start(context, ...KVM, "-smp", "2", "-name", "pair,debug-threads=on", "-bios", image, PAUSED);
    const { accesses, remarks } = await captureFromStart(qemu, { accesses: 20_000 });
    const times = accesses.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const [vcpu, port] of [0x500, 0x502].entries()) {
      const own = accesses.filter((access) => access.vcpu === vcpu);
      expect(own.map((access) => [access.port, access.value])).toEqual(upTo(own.length).map((value) => [port, value]));
      expect(own.length).toBeGreaterThan(0);
      expect(remarks).toContainEqual(
        expect.stringMatching(new RegExp(`^vcpu ${vcpu} is thread \\d+ \\(CPU ${vcpu}/KVM\\)$`)),
      );
    }
    expect(await kvmGuest(qemu.process.pid ?? 0)).toMatchObject({
      name: "pair",
      vcpus: 2,
      program: "qemu-system-x86_64",
    });
  });
});

describe("what is lost", () => {
  test("is counted to the last access, and gaps stand where it was", async (context) => {
    const count = 20_000;
    const qemu = await start(context, ...KVM, ...counter(count), PAUSED);
    const guest = await guestOf(qemu);
    const { capture, of } = await prepare(guest, { bufferKiB: 8 });
    const stop = new AbortController();
    const running = capture.run({ wallMs: 20_000, signal: stop.signal });
    await resume(qemu);
    const { accesses, gaps } = of(guest.pid);
    for (let value: number | undefined; value !== count - 1; value = accesses.at(-1)?.value) {
      // Nobody reads meanwhile, and the guest does not wait.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      await new Promise((resolve) => void setTimeout(resolve, 50));
    }
    stop.abort();
    await running;
    const lost = gaps.reduce((sum, gap) => sum + (gap.lost ?? 0), 0);
    expect(gaps.length).toBeGreaterThan(0);
    expect(lost).toBe(count - accesses.length);
    expect(capture.counts).toMatchObject({ accesses: accesses.length, lost, gaps: gaps.length });
    const jumps = [...accesses.keys()].filter((i) => accesses[i]?.value !== (accesses[i - 1]?.value ?? -1) + 1);
    // Of a CPU that shows accesses again after those of another, any may be missing between its two gaps.
    const between = (i: number) =>
      gaps.some(({ index, lost: count }) => count !== undefined && index < i) &&
      gaps.some(({ index, lost: count }) => count === undefined && index > i);
    expect(jumps.filter((i) => !gaps.some(({ index }) => index === i) && !between(i))).toEqual([]);
  });

  test("is nothing in ten runs", async (context) => {
    for (let run = 0; run < 10; run++) {
      const qemu = await start(context, ...KVM, ...counter(2000), PAUSED);
      const { capture, accesses } = await captureFromStart(qemu, { accesses: 2000 });
      expect(accesses.map(({ value }) => value)).toEqual(upTo(2000));
      expect(capture.counts.lost).toBe(0);
      qemu.process.kill("SIGKILL");
    }
  });
});

describe("the kernel is left as it was found", () => {
  test("when the guest's process ends", async (context) => {
    const qemu = await start(context, ...KVM, ...counter(100), PAUSED);
    const { capture, of } = await prepare(await guestOf(qemu));
    const running = capture.run({ wallMs: 10_000 });
    await resume(qemu);
    expect(ownInstances().length).toBe(1);
    await expect.poll(() => of(qemu.process.pid ?? 0).accesses.length, { timeout: 10_000 }).toBe(100);
    qemu.process.kill("SIGKILL");
    expect(await running).toBe("gone");
    expect(ownInstances()).toEqual([]);
  });

  test("when the file cannot be written", async (context) => {
    const qemu = await start(context, ...KVM, ...counter(1 << 30));
    const fail = () => Promise.reject(new Error("the disk is full"));
    const open = () => Promise.resolve({ writer: { write: fail, flush: fail } });
    const { capture } = await prepare(await guestOf(qemu), { open });
    await expect(capture.run({ wallMs: 10_000 })).rejects.toThrow("the disk is full");
    expect(ownInstances()).toEqual([]);
  });

  test("when the file cannot even be opened", async (context) => {
    const qemu = await start(context, ...KVM, ...counter(1));
    const open = () => Promise.reject(new Error("it exists"));
    await expect(prepare(await guestOf(qemu), { open })).rejects.toThrow("it exists");
    expect(ownInstances()).toEqual([]);
  });
});

describe("a process", () => {
  test("that runs no guest of KVM is refused", async () => {
    await expect(kvmGuest(process.pid)).rejects.toMatchObject({
      code: "GUEST",
      message: expect.stringMatching(/runs no KVM guest/),
    });
  });

  test("that there is not is refused", async () => {
    const { pid } = spawnSync("true");
    await expect(kvmGuest(pid)).rejects.toMatchObject({ code: "GUEST", message: `there is no process ${pid}` });
  });
});
