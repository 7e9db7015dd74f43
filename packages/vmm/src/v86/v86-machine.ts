import { setImmediate as nextTurn } from "node:timers/promises";
import type { PortTarget } from "@portrait/replayer";
import type { AccessBatch } from "@portrait/tracer";
import type { BodyPiece, DeviceField, DevicePair, GuestBody, Machine, RunLimits, StopReason } from "../machine.ts";
import { bodyPieces, collectBody } from "./body.ts";
import { captureCpu, memoryOf, restoreCpuAndMemory, type CpuAndMemory } from "./cpu-state.ts";
import { deviceFields } from "./device-fields.ts";
import { dumpOf, fieldsIn, pairsOf } from "./dump.ts";
import { v86Deviations } from "./deviations.ts";
import { V86Engine } from "./engine.ts";
import { V86Error } from "./errors.ts";
import { guestSettings, type V86Guest } from "./guest.ts";
import { V86_VERSION } from "./library.ts";
import { portTarget } from "./port-target.ts";
import { SerialConsole } from "./serial-console.ts";

const ENGINE = "v86";
const MIB = 1 << 20;
const MAX_MEMORY = 1024 * MIB;
const NS_PER_MS = 1e6;
/** Host milliseconds after which a running guest lets the event loop turn. */
const TURN_MS = 8;

/** How to make a v86 machine. */
export interface V86MachineOptions {
  /** What it boots; undefined makes a cold machine to restore into, which halts at once when it is run as it is. */
  readonly guest?: V86Guest | undefined;
  /** Guest RAM in bytes, a multiple of 1 MiB up to 1 GiB; default 64 MiB, 128 MiB with a kernel. */
  readonly memorySize?: number | undefined;
  /** True: time is instructions executed, idle time is skipped, and every run with the same input is the same. */
  readonly deterministic?: boolean | undefined;
  /** What runs on it, for messages: a file's name. */
  readonly name?: string | undefined;
}

/** A machine on v86. */
export interface V86Machine extends Machine {
  readonly engine: typeof ENGINE;
  /** Accesses, of the guest and through `ports`, that were dropped because v86's device threw. */
  readonly droppedAccesses: number;
  /** CPU and memory in one piece; `body` gives them piece by piece. */
  captureCpuAndMemory(): CpuAndMemory;
  /** Throws {@link V86Error} `V86_STATE` if engine, version or memory size differ. */
  restoreCpuAndMemory(state: CpuAndMemory): void;
}

/**
 * Makes a v86 machine, stopped before its first instruction. Rejects with {@link V86Error}: `V86_VERSION` when another
 * v86 is installed, `V86_GUEST` when the guest or the memory size cannot work.
 */
export async function createV86Machine(options: V86MachineOptions = {}): Promise<V86Machine> {
  const memorySize = memorySizeOf(options);
  const serial = new SerialConsole();
  const engine = await V86Engine.boot({
    guest: guestSettings(options.guest, memorySize),
    memorySize,
    deterministic: options.deterministic ?? false,
    onSerialByte: (byte) => serial.receive(byte),
  });
  return new EngineMachine(options.name ?? options.guest?.kind ?? "cold", memorySize, engine, serial);
}

function memorySizeOf(options: V86MachineOptions): number {
  const withKernel = options.guest?.kind === "bios" && options.guest.kernel !== undefined;
  const size = options.memorySize ?? (withKernel ? 128 : 64) * MIB;
  if (!Number.isInteger(size / MIB) || size < MIB || size > MAX_MEMORY) {
    throw new V86Error("V86_GUEST", `memory of ${size} bytes is not possible; use a multiple of 1 MiB, up to 1 GiB`);
  }
  return size;
}

class EngineMachine implements V86Machine {
  readonly engine = ENGINE;
  readonly engineVersion = V86_VERSION;
  readonly deviations = v86Deviations;
  readonly memorySize: number;
  readonly ports: PortTarget;
  readonly #engine: V86Engine;
  readonly #serial: SerialConsole;
  #state: "stopped" | "running" | "destroyed" = "stopped";

  constructor(name: string, memorySize: number, engine: V86Engine, serial: SerialConsole) {
    this.memorySize = memorySize;
    this.#engine = engine;
    this.#serial = serial;
    this.ports = portTarget(`v86 "${name}"`, engine.ports, (action) => {
      this.#assertStopped();
      return engine.withInterruptsOff(action);
    });
  }

  get accessCount(): number {
    return this.#engine.tap.count;
  }

  get droppedAccesses(): number {
    return this.#engine.ports.dropped;
  }

  get console(): string {
    return this.#serial.text;
  }

  now(): number {
    return Math.floor(this.#engine.clock.peek() * NS_PER_MS);
  }

  tap(sink: (batch: AccessBatch) => void): { flush(): void } {
    return this.#engine.tap.add(sink);
  }

  onConsole(listener: (text: string) => void): void {
    this.#serial.onText(listener);
  }

  type(text: string): void {
    for (const byte of Buffer.from(text)) this.#engine.receiveSerial(byte);
  }

  async run(limits: RunLimits): Promise<StopReason> {
    this.#assertStopped();
    this.#state = "running";
    this.#engine.clock.start();
    try {
      return await this.#runUntil(limits);
    } finally {
      this.#engine.clock.stop();
      this.#state = "stopped";
    }
  }

  async #runUntil(limits: RunLimits): Promise<StopReason> {
    const { clock } = this.#engine;
    const { accesses = Infinity, until } = limits;
    let reason: StopReason | undefined;
    const stopAfter = (count: number): boolean => {
      if (count >= accesses) reason = "limit";
      else if (until?.() === true) reason = "predicate";
      return reason !== undefined;
    };
    const limitBetweenSlices = this.#limitBetweenSlices(limits);
    let turnAt = performance.now() + TURN_MS;
    for (;;) {
      reason = limitBetweenSlices();
      if (reason !== undefined) return reason;
      const idle = this.#engine.slice(stopAfter);
      if (reason !== undefined) return reason;
      if (this.#engine.halted) return "halted";
      const sleep = idle > 0 ? clock.idle(idle) : undefined;
      if (sleep !== undefined) await sleep;
      else if (performance.now() < turnAt) continue;
      else await nextTurn();
      turnAt = performance.now() + TURN_MS;
    }
  }

  #limitBetweenSlices(limits: RunLimits): () => StopReason | undefined {
    const { accesses = Infinity, guestMs = Infinity, wallMs = Infinity, until, signal } = limits;
    const guestEnd = this.#engine.clock.peek() + guestMs;
    const wallEnd = performance.now() + wallMs;
    return () => {
      if (signal?.aborted === true) return "interrupted";
      if (this.accessCount >= accesses || this.#engine.clock.peek() >= guestEnd) return "limit";
      if (performance.now() >= wallEnd) return "limit";
      return until?.() === true ? "predicate" : undefined;
    };
  }

  captureCpuAndMemory(): CpuAndMemory {
    this.#assertStopped();
    const { cpu } = this.#engine;
    return { engine: ENGINE, engineVersion: V86_VERSION, cpu: captureCpu(cpu), memory: memoryOf(cpu) };
  }

  restoreCpuAndMemory(state: CpuAndMemory): void {
    this.#assertStopped();
    if (state.engine !== ENGINE || state.engineVersion !== V86_VERSION) {
      throw new V86Error(
        "V86_STATE",
        `the state is of ${state.engine} ${state.engineVersion}, this machine is ${ENGINE} ${V86_VERSION}; restore it on its own kind`,
      );
    }
    restoreCpuAndMemory(this.#engine.cpu, state.cpu, state.memory);
  }

  body(): Iterable<BodyPiece> {
    return bodyPieces(this.captureCpuAndMemory());
  }

  async restore(body: GuestBody): Promise<void> {
    const { cpu, memory } = await collectBody(body, this.memorySize);
    this.restoreCpuAndMemory({ engine: ENGINE, engineVersion: V86_VERSION, cpu, memory });
  }

  /** Nothing is shared with the source; {@link run} lets the guest go on. */
  async begin(): Promise<void> {}

  deviceFields(): readonly DeviceField[] {
    return deviceFields(this.#engine.cpu);
  }

  deviceDump(): Uint8Array {
    return dumpOf(this.deviceFields());
  }

  readDump(dump: Uint8Array): () => readonly DevicePair[] {
    const source = fieldsIn(dump);
    return () => pairsOf(source, this.deviceFields());
  }

  async destroy(): Promise<void> {
    this.#assertStopped();
    this.#state = "destroyed";
    await this.#engine.destroy();
  }

  #assertStopped(): void {
    if (this.#state !== "stopped") throw new Error(`the v86 machine is ${this.#state}, not stopped`);
  }
}
