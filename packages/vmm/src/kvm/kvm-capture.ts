import { setTimeout as sleep } from "node:timers/promises";
import { FLUSH_MS, type RecorderOutputs } from "../capture/batch-feed.ts";
import { startOf } from "../host/processes.ts";
import { AccessQueue } from "./access-queue.ts";
import { GuestStream } from "./guest-stream.ts";
import { guestOf, type KvmGuest, type VcpuThread } from "./guests.ts";
import { takeInOrder } from "./merge.ts";
import { RingPages } from "./ring-page.ts";
import { ThreadTable } from "./thread-table.ts";
import { TraceInstance } from "./trace-instance.ts";
import { findTracefs, removeLeftOvers } from "./tracefs.ts";

/** What is captured, and where it goes. */
export interface KvmCaptureOptions {
  /** The guest; `all`: every guest of this host, those that start later included. */
  readonly guest: KvmGuest | "all";
  /** Ports wanted, as inclusive ranges; the kernel passes over the others. Empty: all. */
  readonly ports: readonly (readonly [first: number, last: number])[];
  /** KiB of kernel memory for each CPU; default 2,048. */
  readonly bufferKiB?: number;
  /** The capture ends with this access, counted from 1 over all guests. */
  readonly accesses?: number;
  /** Called once for each guest, before its first access is handed on. */
  readonly open: (guest: KvmGuest) => Promise<RecorderOutputs>;
}

/** When a capture ends, besides the end of its guest and of {@link KvmCaptureOptions.accesses}. */
export interface KvmCaptureLimits {
  /** Wall-clock milliseconds from now. */
  readonly wallMs?: number;
  readonly signal?: AbortSignal;
}

/** Why a capture ended: a limit, the signal, or the guest's process is gone. */
export type KvmCaptureEnd = "limit" | "interrupted" | "gone";

/** What a capture has seen and lost. */
export interface KvmCaptureCounts {
  readonly accesses: number;
  /** Accesses the kernel had no room for. */
  readonly lost: number;
  readonly gaps: number;
  /** Accesses whose place in time had passed when the kernel showed them. */
  readonly late: number;
}

const BUFFER_KIB = 2048;
/** Pause when there is nothing to read. */
const PAUSE_MS = 20;
/** Pages that are read from one CPU before the next has its turn. */
const PAGES = 256;
/** How old an access is at least before it is handed on: by then every CPU's earlier ones are in its buffer. */
const SETTLE_NS = 20e6;
const LOOK_MS = 200;

/**
 * Captures the port accesses of KVM's guests on this host, whatever their virtual machine monitor, by the kernel's tracepoint `kvm_pio`. Guests do
 * not wait: what the kernel has no room for is lost, counted, and leaves a gap.
 */
export class KvmCapture {
  /** Wall-clock time of the traces' time 0, milliseconds since 1970. */
  readonly startedAt = Date.now();
  /** What the user should know. */
  readonly remarks: readonly string[];
  readonly #origin = process.hrtime.bigint();
  readonly #options: KvmCaptureOptions;
  readonly #instance: TraceInstance;
  readonly #pages: RingPages;
  readonly #page: Buffer;
  readonly #queues: readonly AccessQueue[];
  readonly #streams: GuestStream[] = [];
  readonly #threads: ThreadTable<GuestStream>;
  readonly #unknown = new Set<number>();
  readonly #ended = new Set<GuestStream>();
  /** Queues whose losses were told, and how many accesses had been handed on by then, until their next access. */
  readonly #losing = new Map<AccessQueue, number>();
  #accesses = 0;
  #gaps = 0;
  #late = 0;
  /** What gaps say was lost, and what the kernel says was. */
  #told = 0;
  #lost = 0;
  #time = 0;

  private constructor(options: KvmCaptureOptions, instance: TraceInstance, remarks: readonly string[]) {
    this.#options = options;
    this.#instance = instance;
    this.remarks = remarks;
    this.#pages = new RingPages(instance.ring, this.#origin);
    this.#page = Buffer.alloc(this.#pages.pageSize);
    this.#queues = instance.cpus.map(() => new AccessQueue());
    this.#threads = new ThreadTable((thread, id) => this.#streamOf(thread, id));
  }

  /** Makes ready; nothing is recorded before {@link begin}. @throws KvmError */
  static async prepare(options: KvmCaptureOptions): Promise<KvmCapture> {
    const tracefs = await findTracefs();
    const left = await removeLeftOvers(tracefs);
    const { guest, ports, bufferKiB = BUFFER_KIB } = options;
    const pid = guest === "all" ? undefined : guest.pid;
    const instance = await TraceInstance.create(tracefs, { pid, ports, bufferKiB });
    const remarks = left.map((name) => `removed the tracing instance ${name}, left by a portrait that was killed`);
    return new KvmCapture(options, instance, remarks);
  }

  /** What was seen and lost so far. */
  get counts(): KvmCaptureCounts {
    return { accesses: this.#accesses, lost: this.#lost, gaps: this.#gaps, late: this.#late };
  }

  /** Guests that made accesses, and how many each. */
  get guests(): readonly { readonly guest: KvmGuest; readonly accesses: number }[] {
    return this.#streams.map(({ guest, accesses }) => ({ guest, accesses }));
  }

  /** Begins: from its return on, nothing that is wanted goes by unseen. Where it fails the kernel is as it was. @throws KvmError */
  async begin(): Promise<void> {
    try {
      const { guest } = this.#options;
      if (guest !== "all") await this.#open(guest);
      await this.#instance.begin();
    } catch (error) {
      await this.#instance.remove();
      throw error;
    }
  }

  /**
   * Captures until a limit is met or the guest is gone, then takes everything in the kernel away again, in any case. Call it once, after
   * {@link begin}.
   * @throws KvmError; what the trace writer threw
   */
  async run(limits: KvmCaptureLimits): Promise<KvmCaptureEnd> {
    try {
      const end = await this.#follow(limits);
      await this.#instance.stop();
      while (await this.#round(Infinity)) continue;
      await this.#account();
      return end;
    } finally {
      try {
        await this.#instance.remove();
      } finally {
        for (const stream of this.#streams) stream.flush();
        for (const stream of this.#streams) await stream.settle();
      }
    }
  }

  async #follow({ wallMs = Infinity, signal }: KvmCaptureLimits): Promise<KvmCaptureEnd> {
    const started = performance.now();
    let [flushed, looked] = [started, started];
    for (;;) {
      const busy = await this.#round(Number(process.hrtime.bigint() - this.#origin) - SETTLE_NS);
      const now = performance.now();
      if (signal?.aborted === true) return "interrupted";
      if (this.#enough || now - started >= wallMs) return "limit";
      if (now - flushed >= FLUSH_MS) {
        flushed = now;
        for (const stream of this.#streams) stream.flush();
      }
      if (now - looked >= LOOK_MS) {
        looked = now;
        if (await this.#isGone()) return "gone";
      }
      await sleep(busy ? 0 : PAUSE_MS);
    }
  }

  get #enough(): boolean {
    return this.#accesses >= (this.#options.accesses ?? Infinity);
  }

  /** Reads what the kernel has and hands on what is older than `before`. True where there is more to be read at once. */
  async #round(before: number): Promise<boolean> {
    const full = this.#instance.cpus.map((cpu, i) => {
      const queue = this.#queues[i];
      return queue !== undefined && this.#read(cpu, queue) ? queue : undefined;
    });
    for (const id of this.#unknown) await this.#threads.learn(id);
    this.#unknown.clear();
    // Of a CPU that has more, nothing is known beyond what was read.
    const limits = full.map((queue) => (queue === undefined ? Infinity : (queue.time[queue.tail - 1] ?? 0)));
    takeInOrder(this.#queues, Math.min(before, ...limits), {
      take: (queue) => this.#take(queue),
      lost: (queue) => this.#tellLosses(queue),
    });
    for (const queue of this.#queues) queue.tidy();
    for (const stream of this.#streams) if (stream.mustWait) await stream.settle();
    return full.some((queue) => queue !== undefined);
  }

  /** Reads pages of one CPU; true where there may be more. */
  #read(cpu: { read(page: Buffer): number }, queue: AccessQueue): boolean {
    for (let i = 0; i < PAGES; i++) {
      const length = cpu.read(this.#page);
      if (length === 0) return false;
      const from = queue.tail;
      const page = this.#page.subarray(0, length);
      const missed = this.#pages.read(page, (time, at, size) => queue.push(time, page, at, size, this.#instance.pio));
      if (missed.kind === "entries") queue.lose(from, missed.count);
      for (let row = from; row < queue.tail; row++) {
        const id = queue.thread[row] ?? 0;
        if (!this.#threads.knows(id)) this.#unknown.add(id);
      }
    }
    return true;
  }

  #take(queue: AccessQueue): boolean {
    if (this.#enough) return false;
    const time = queue.nextTime;
    this.#endLosses(queue, time);
    if (time < this.#time) this.#late++;
    this.#time = Math.max(this.#time, time);
    const thread = this.#threads.get(queue.thread[queue.head] ?? 0);
    if (thread === undefined) return true;
    thread.guest.push(queue, thread.vcpu);
    this.#accesses++;
    return true;
  }

  /** What a CPU lost may have been at any time until its next access: what comes in between is of no account either. */
  #tellLosses(queue: AccessQueue): void {
    for (const { count } of queue.takeLosses()) this.#gap(this.#time, count);
    this.#losing.set(queue, this.#accesses);
  }

  #endLosses(queue: AccessQueue, time: number): void {
    const before = this.#losing.get(queue);
    if (before === undefined) return;
    this.#losing.delete(queue);
    if (before !== this.#accesses) this.#gap(time, undefined);
  }

  #gap(time: number, count: number | undefined): void {
    this.#gaps++;
    this.#told += count ?? 0;
    const several = this.#options.guest === "all";
    const reason = several
      ? `the kernel's buffer was full: ${count ?? "some"} accesses of this host's guests were lost`
      : "the kernel's buffer was full";
    for (const stream of this.#streams) stream.gap(time, reason, several ? undefined : count);
  }

  /** Compares what gaps tell with what the kernel has counted, at the end. */
  async #account(): Promise<void> {
    const losses = await Promise.all(this.#instance.cpus.map((cpu) => cpu.losses()));
    for (const queue of this.#queues) for (const { count } of queue.takeLosses()) this.#gap(this.#time, count);
    const overrun = losses.reduce((sum, one) => sum + one.overrun, 0);
    const dropped = losses.reduce((sum, one) => sum + one.dropped, 0);
    this.#lost = overrun + dropped;
    if (overrun > this.#told)
      for (const stream of this.#streams)
        stream.remark(`${overrun - this.#told} more were lost in the gaps that do not say how many`);
    if (dropped > 0) this.#gap(this.#time, dropped);
  }

  async #streamOf(thread: VcpuThread | undefined, id: number): Promise<GuestStream | undefined> {
    const { guest } = this.#options;
    if (guest !== "all") return thread === undefined || thread.pid === guest.pid ? this.#open(guest) : undefined;
    const pid = thread?.pid ?? id;
    return this.#open(
      (await guestOf(pid)) ?? { pid, start: "", program: thread?.name ?? "ended", name: undefined, vcpus: 0 },
    );
  }

  async #open(guest: KvmGuest): Promise<GuestStream> {
    const open = this.#streams.find((one) => one.guest.pid === guest.pid && one.guest.start === guest.start);
    if (open !== undefined) return open;
    const stream = new GuestStream(guest, await this.#options.open(guest));
    this.#streams.push(stream);
    return stream;
  }

  /** True once the guest that is captured has ended. Of all guests, forgets the threads of those that have. */
  async #isGone(): Promise<boolean> {
    const { guest } = this.#options;
    if (guest !== "all") return (await startOf(guest.pid)) !== guest.start;
    // Not before the next look, by when their last accesses have been handed on.
    for (const stream of this.#ended) this.#threads.forget(stream);
    this.#ended.clear();
    for (const stream of this.#streams)
      if ((await startOf(stream.guest.pid)) !== stream.guest.start) this.#ended.add(stream);
    return false;
  }
}
