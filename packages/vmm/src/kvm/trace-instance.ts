import { mkdir, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { threadsOf } from "../host/processes.ts";
import { CpuBuffer } from "./cpu-buffer.ts";
import { KvmError } from "./errors.ts";
import { portFilter } from "./port-filter.ts";
import { parsePioFormat, parseRingFormat, type PioFormat, type RingFormat } from "./ring-format.ts";
import { get, instanceName, PIO_EVENT, put, removeInstance } from "./tracefs.ts";

/** What the kernel is asked to show. */
export interface InstanceOptions {
  /** Process whose accesses are wanted; undefined: every guest's. */
  readonly pid: number | undefined;
  /** Ports wanted, as inclusive ranges; empty: all. */
  readonly ports: readonly (readonly [first: number, last: number])[];
  /** KiB of kernel memory for each CPU. */
  readonly bufferKiB: number;
}

/** One clock for all CPUs, and the one that `process.hrtime` reads. */
const CLOCK = "mono";
const REMOVE_TRIES = 50;
const REMOVE_PAUSE_MS = 20;

/** A tracefs instance of this process: buffers of its own, in which the kernel puts nothing but the accesses that are wanted. */
export class TraceInstance {
  readonly ring: RingFormat;
  readonly pio: PioFormat;
  readonly cpus: readonly CpuBuffer[];
  readonly #path: string;

  private constructor(path: string, ring: RingFormat, pio: PioFormat, cpus: readonly CpuBuffer[]) {
    this.#path = path;
    this.ring = ring;
    this.pio = pio;
    this.cpus = cpus;
  }

  /** Makes the instance; nothing is recorded yet. @throws KvmError */
  static async create(tracefs: string, options: InstanceOptions): Promise<TraceInstance> {
    const path = `${tracefs}/instances/${await instanceName()}`;
    await mkdir(path).catch((cause: unknown) => {
      throw new KvmError("TRACEFS", `the kernel makes no tracing instance ${path}: ${String(cause)}`, { cause });
    });
    try {
      const text = (name: string) => get(`${path}/events/${name}`);
      const ring = parseRingFormat(await text("header_page"), await text("header_event"));
      const pio = parsePioFormat(await get(`${path}/${PIO_EVENT}/format`));
      await put(`${path}/trace_clock`, CLOCK);
      await put(`${path}/buffer_size_kb`, String(options.bufferKiB));
      await put(`${path}/${PIO_EVENT}/filter`, portFilter(options.ports));
      if (options.pid !== undefined) await followProcess(path, options.pid);
      const names = (await readdir(`${path}/per_cpu`)).sort();
      return new TraceInstance(
        path,
        ring,
        pio,
        names.map((name) => new CpuBuffer(`${path}/per_cpu/${name}`)),
      );
    } catch (error) {
      await removeInstance(path);
      throw error;
    }
  }

  /** Has the kernel record. @throws KvmError */
  async begin(): Promise<void> {
    await put(`${this.#path}/${PIO_EVENT}/enable`, "1");
  }

  /** Has the kernel record nothing more; what it has recorded can still be read. @throws KvmError */
  async stop(): Promise<void> {
    await put(`${this.#path}/${PIO_EVENT}/enable`, "0");
  }

  /** Takes the instance away, with whatever was not read. @throws KvmError `TRACEFS` */
  async remove(): Promise<void> {
    for (const cpu of this.cpus) cpu.close();
    // The kernel closes its end of a file a little after we have closed ours.
    for (let tries = 1; !(await removeInstance(this.#path)); tries++) {
      if (tries === REMOVE_TRIES)
        throw new KvmError("TRACEFS", `somebody uses ${this.#path}; when they are done: rmdir ${this.#path}`);
      await sleep(REMOVE_PAUSE_MS);
    }
  }
}

/** Has the kernel pass over every thread but the process's, those it has yet to start included. */
async function followProcess(path: string, pid: number): Promise<void> {
  await put(`${path}/options/event-fork`, "1");
  const known = new Set<number>();
  for (;;) {
    const fresh = (await threadsOf(pid)).filter((thread) => !known.has(thread));
    if (fresh.length === 0) break;
    // Threads that were started before their starter was on the list are found by looking again.
    await put(`${path}/set_event_pid`, fresh.join(" "), known.size === 0 ? "w" : "a");
    for (const thread of fresh) known.add(thread);
  }
  if (known.size === 0) throw new KvmError("GUEST", `process ${pid} has ended`);
}
