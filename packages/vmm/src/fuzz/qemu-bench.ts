import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PortTarget } from "@portrait/replayer";
import { z } from "zod";
import { startQemu, type StartedQemu } from "../qemu/capture/start-qemu.ts";
import { dumpDevices } from "../qemu/device-dump.ts";
import { QemuError } from "../qemu/errors.ts";
import { versionText, type QmpClient } from "../qemu/qmp.ts";
import { QtestTarget } from "../qemu/qtest-target.ts";
import type { DeviceLayout } from "../qemu/stream/device-layout.ts";
import { isDevice } from "../qemu/stream/kept-sections.ts";
import type { StreamSection } from "../qemu/stream/section.ts";
import { operationOf, type PortAccess } from "./accesses.ts";
import type { Bench } from "./engine.ts";
import type { QemuMachine } from "./qemu-machines.ts";

const SNAPSHOT = "power-on";
const JOB_LIMIT_MS = 10_000;
const CONNECT_LIMIT_MS = 5_000;
/** Events that tell that an access did something to the whole machine. */
const MACHINE_EVENTS = new Set(["RESET", "SHUTDOWN", "POWERDOWN", "SUSPEND", "SUSPEND_DISK"]);

const jobsSchema = z.array(z.object({ id: z.string(), status: z.string(), error: z.string().optional() }));

/** What a bench asks of its machine. */
type BenchMachine = Pick<QemuMachine, "command" | "settle">;

interface Running {
  readonly qemu: StartedQemu;
  readonly ports: QtestTarget;
  readonly folder: string;
}

/**
 * A QEMU whose guest never runs, put back to power-on hundreds of times a second: by a snapshot taken before the first access,
 * which QEMU loads after a reset of its own.
 */
export class QemuBench implements Bench {
  /** What accesses did to the whole machine since it was put back: QEMU's events. */
  machineEvents: string[] = [];
  readonly #command: readonly string[];
  readonly #settle: readonly PortAccess[];
  readonly #layout: DeviceLayout;
  #running: Running | undefined;
  #resetting = Promise.resolve();
  /** All sections of the first dump. */
  #first: readonly StreamSection[] | undefined;
  /** A migration stream was taken: QEMU is not to be used again. */
  #spent = false;
  /** Its state had subsections that it does not have after power-on. */
  #outgrown = false;

  private constructor({ command, settle }: BenchMachine, layout: DeviceLayout) {
    this.#command = command;
    this.#settle = settle;
    this.#layout = layout;
  }

  /** Starts a QEMU. Its command line is as it would be typed; what is needed to work with it is added. @throws QemuError */
  static async start(machine: BenchMachine, layout: DeviceLayout): Promise<QemuBench> {
    const bench = new QemuBench(machine, layout);
    if (layout.sections === undefined) await bench.#learnLayout();
    await bench.#start();
    await bench.dump();
    return bench;
  }

  get ports(): PortTarget {
    return this.#get().ports;
  }

  /** QEMU's version, as it calls it. */
  get version(): string {
    return versionText(this.#get().qemu.client.version);
  }

  /** What {@link dump} gave before the first access. */
  get powerOn(): readonly StreamSection[] {
    return (this.#first ?? []).filter(isDevice);
  }

  /** Brings everything back to power-on. @throws QemuError */
  async reset(): Promise<void> {
    this.#resetting = this.#bringBack();
    await this.#resetting;
  }

  async #bringBack(): Promise<void> {
    if (!this.#spent) await this.#loadSnapshot();
    // What has its place in a subsection that the snapshot lacks is not brought back by it.
    if (this.#outgrown && !this.#spent && (await this.#settles())) this.#outgrown = false;
    if (this.#spent || this.#outgrown) await this.#restart();
    this.#outgrown = false;
    this.machineEvents = [];
  }

  async #loadSnapshot(): Promise<void> {
    const said = await this.#get().qemu.client.monitor(`loadvm ${SNAPSHOT}`);
    if (said !== "") throw new QemuError("COMMAND", `QEMU cannot load its snapshot: ${said.trim()}`);
  }

  async #isAsAfterPowerOn(): Promise<boolean> {
    const now = await this.dump();
    return now.every((section, i) => section === this.powerOn[i]);
  }

  async #settles(): Promise<boolean> {
    if (await this.#isAsAfterPowerOn()) return true;
    if (this.#spent) return false;
    await this.ports.perform(this.#settle.map(operationOf));
    await this.#loadSnapshot();
    return this.#isAsAfterPowerOn();
  }

  async #restart(): Promise<void> {
    await this.#end();
    await this.#start();
    this.#spent = false;
  }

  /** Its device sections now. Sections that are as after power-on are those of {@link powerOn}. @throws QemuError, StreamError */
  async dump(): Promise<readonly StreamSection[]> {
    const { sections, by } = await dumpDevices(this.#get().qemu.client, this.#layout, this.#first);
    if (by === "stream") this.#spent = true;
    this.#first ??= sections;
    const first = this.#first;
    if (sections.some(({ bytes }, i) => bytes.length !== first[i]?.bytes.length)) this.#outgrown = true;
    return sections.filter(isDevice);
  }

  /** Ends QEMU, also where it is being brought back. */
  async end(): Promise<void> {
    await this.#resetting.catch(() => undefined);
    await this.#end();
  }

  #get(): Running {
    if (this.#running === undefined) throw new QemuError("CLOSED", "this QEMU has been ended");
    return this.#running;
  }

  async #learnLayout(): Promise<void> {
    const qemu = await startQemu(this.#command, { console: "errors" });
    try {
      await dumpDevices(qemu.client, this.#layout);
    } finally {
      await qemu.end();
    }
  }

  async #start(): Promise<void> {
    // Only this user reaches a folder made by mkdtemp.
    const folder = await mkdtemp(join(tmpdir(), "portrait-bench-"));
    const socket = join(folder, "qtest");
    const qtest = ["-qtest", `unix:${socket},server=on,wait=off`, "-qtest-log", "none"];
    let qemu: StartedQemu | undefined;
    try {
      qemu = await startQemu([...this.#command, ...qtest], { console: "errors" });
      await takeSnapshot(qemu.client, join(folder, "snapshot.qcow2"));
      this.#running = { qemu, ports: await connectPorts(socket), folder };
    } catch (error) {
      await qemu?.end();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    qemu.client.onEvent(({ name, data }) => {
      if (MACHINE_EVENTS.has(name) && data["guest"] !== false) this.machineEvents.push(name);
    });
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.ports.close();
    await running.qemu.end();
    await rm(running.folder, { recursive: true, force: true });
  }
}

async function connectPorts(socket: string): Promise<QtestTarget> {
  for (const limit = performance.now() + CONNECT_LIMIT_MS; ; await sleep(5)) {
    try {
      return await QtestTarget.connect(socket);
    } catch (error) {
      if (!(error instanceof QemuError && error.code === "CONNECT") || performance.now() > limit) throw error;
    }
  }
}

/** Takes a snapshot of the whole machine into a file of its own. */
async function takeSnapshot(qmp: QmpClient, filename: string): Promise<void> {
  await runJob(qmp, "portrait-file", { driver: "file", filename, size: 0 });
  await qmp.execute("blockdev-add", { driver: "file", filename, "node-name": "portrait-file" });
  await runJob(qmp, "portrait-image", { driver: "qcow2", file: "portrait-file", size: 0 });
  await qmp.execute("blockdev-add", {
    driver: "qcow2",
    file: "portrait-file",
    "node-name": "portrait-image",
    cache: { "no-flush": true },
  });
  const said = await qmp.monitor(`savevm ${SNAPSHOT}`);
  if (said !== "") throw new QemuError("COMMAND", `QEMU cannot take a snapshot of this machine: ${said.trim()}`);
}

async function runJob(qmp: QmpClient, id: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  await qmp.execute("blockdev-create", { "job-id": id, options });
  for (const limit = performance.now() + JOB_LIMIT_MS; ; await sleep(2)) {
    const job = jobsSchema.parse(await qmp.execute("query-jobs")).find((one) => one.id === id);
    if (job?.status === "concluded") {
      await qmp.execute("job-dismiss", { id });
      if (job.error === undefined) return;
      throw new QemuError("COMMAND", `QEMU cannot make a file for its snapshot: ${job.error}`);
    }
    if (performance.now() > limit) throw new QemuError("TIMEOUT", "QEMU did not make a file for its snapshot");
  }
}
