import { realClock, virtualClock, type GuestClock } from "./clock.ts";
import { V86Error } from "./errors.ts";
import type { GuestSettings } from "./guest.ts";
import type { V86Cpu, V86Emulator, V86Settings } from "./internals.ts";
import { compileBetweenSlices } from "./jit.ts";
import { loadLibrary, startEmulator } from "./library.ts";
import { PortTap } from "./port-tap.ts";
import { V86Ports } from "./ports.ts";
import { webAssembly, type WasmImports } from "./web-assembly.ts";

/** Interrupt flag of EFLAGS. */
const FLAG_IF = 0x200;
const VGA_MEMORY_SIZE = 1 << 20;
/** Ports of v86's own test harness, which it adds for a multiboot image; no PC has them. */
const TEST_HARNESS_PORTS = [0xf4, 0xf5, 0xf6, 0xf7, ...Array.from({ length: 16 }, (_, i) => 0x2000 + i)];

const NS_PER_MS = 1e6;

/** What is booted. */
export interface EngineOptions {
  readonly guest: GuestSettings;
  readonly memorySize: number;
  readonly deterministic: boolean;
  /** Takes each byte the guest transmits on COM1. */
  readonly onSerialByte: (byte: number) => void;
}

/** v86, driven slice by slice, with a stop that is exact to the instruction. */
export class V86Engine {
  readonly cpu: V86Cpu;
  readonly clock: GuestClock;
  /** The ports, with nothing watching. */
  readonly ports: V86Ports;
  /** Between the guest's CPU and the ports. */
  readonly tap: PortTap;
  readonly #emulator: V86Emulator;
  readonly #useCompiledCode: () => void;
  readonly #lastWords: () => string;
  /** While a slice runs: whether to end it after the access that is the count-th. */
  #stopAfter: ((count: number) => boolean) | undefined;
  /** Undefined: no stop was asked for in this slice; else the interrupt flag as the guest has it. */
  #interruptFlagAtStop: number | undefined;
  #error: { readonly thrown: unknown } | undefined;

  private constructor(
    emulator: V86Emulator,
    clock: GuestClock,
    ports: V86Ports,
    tap: PortTap,
    lastWords: () => string,
  ) {
    this.#emulator = emulator;
    this.cpu = emulator.v86.cpu;
    this.clock = clock;
    this.ports = ports;
    this.tap = tap;
    this.#lastWords = lastWords;
    this.#useCompiledCode = compileBetweenSlices(this.cpu);
  }

  /** Boots v86 up to the guest's first instruction. */
  static async boot(options: EngineOptions): Promise<V86Engine> {
    const library = await loadLibrary();
    let engine: V86Engine | undefined;
    let instructions = (): number => 0;
    let words = "";
    const clock = options.deterministic ? virtualClock(() => instructions()) : realClock();
    const ports = new V86Ports();
    const tap = new PortTap({
      time: () => Math.floor(clock.peek() * NS_PER_MS),
      afterAccess: (count) => engine !== undefined && engine.#afterAccess(count),
      onError: (error) => engine !== undefined && engine.#fail(error),
    });
    const wasm_fn = async (imports: WasmImports): Promise<Record<string, unknown>> => {
      const env: WasmImports[string] = { ...imports["env"], ...tap.imports(ports) };
      env["console_log_from_wasm"] = (pointer: number, length: number) => {
        words = textAt(exports["memory"], pointer, length);
      };
      const { exports } = await webAssembly.instantiate(library.module, { ...imports, env });
      ports.connectModule(exports);
      return exports;
    };
    const random = options.deterministic ? congruentialRandom() : undefined;
    const emulator = await startEmulator(library, { clock, random }, settingsOf(options, wasm_fn));
    const { cpu } = emulator.v86;
    instructions = instructionCounterOf(cpu);
    ports.connectBus(cpu.io);
    if (options.guest.multiboot) {
      for (const port of TEST_HARNESS_PORTS) cpu.io.ports[port] = cpu.io.create_empty_entry();
    }
    emulator.v86.yield = () => undefined;
    const started = new V86Engine(emulator, clock, ports, tap, () => words);
    emulator.add_listener("serial0-output-byte", (byte) => {
      try {
        options.onSerialByte(Number(byte));
      } catch (error) {
        started.#fail(error);
      }
    });
    engine = started;
    return started;
  }

  /** True when the CPU has halted with interrupts off and nothing can wake it. */
  get halted(): boolean {
    return this.cpu.in_hlt[0] === 1 && ((this.cpu.flags[0] ?? 0) & FLAG_IF) === 0;
  }

  /**
   * Lets the guest run for about a millisecond; `stopAfter` is asked after each access, with the number of accesses so
   * far, whether to end the slice right there. Gives the milliseconds the CPU may stay idle. Throws what `stopAfter` or
   * a listener threw, and {@link V86Error} `V86_FAULT` when v86 gives up.
   */
  slice(stopAfter: (count: number) => boolean): number {
    this.#stopAfter = stopAfter;
    let idle: number;
    try {
      // v86 itself asks only at the end of a slice; what a stop held back is due before the next instruction.
      this.cpu.handle_irqs();
      idle = this.cpu.main_loop();
    } catch (cause) {
      throw this.#fault(cause);
    } finally {
      this.#stopAfter = undefined;
      this.#endStop();
    }
    this.#useCompiledCode();
    this.#throwKept();
    return idle;
  }

  /**
   * Runs `action` on the devices with the CPU's interrupts off: v86 delivers an interrupt from inside a device. Throws
   * what a listener threw meanwhile.
   */
  withInterruptsOff<T>(action: () => T): T {
    const flag = this.#takeInterruptFlag();
    try {
      return action();
    } finally {
      this.#giveInterruptFlag(flag);
      this.#throwKept();
    }
  }

  /** Puts a byte into COM1's receiver. */
  receiveSerial(byte: number): void {
    this.withInterruptsOff(() => this.#emulator.bus.send("serial0-input", byte));
  }

  destroy(): Promise<void> {
    return this.#emulator.destroy();
  }

  #afterAccess(count: number): void {
    if (this.#stopAfter?.(count) === true) this.#stop();
  }

  /**
   * Ends the slice right after the port instruction that is being carried out. A halted CPU ends v86's loop, which asks
   * after every instruction; with interrupts off, none can wake it on the way there.
   */
  #stop(): void {
    if (this.#interruptFlagAtStop !== undefined) return;
    this.#interruptFlagAtStop = this.#takeInterruptFlag();
    this.cpu.in_hlt[0] = 1;
  }

  /** Keeps an error of a listener for when v86's own frames are left, which it must not unwind, and goes there. */
  #fail(error: unknown): void {
    this.#error ??= { thrown: error };
    if (this.#stopAfter !== undefined) this.#stop();
  }

  #throwKept(): void {
    if (this.#error === undefined) return;
    const { thrown } = this.#error;
    this.#error = undefined;
    throw thrown;
  }

  #endStop(): void {
    if (this.#interruptFlagAtStop === undefined) return;
    this.cpu.in_hlt[0] = 0;
    this.#giveInterruptFlag(this.#interruptFlagAtStop);
    this.#interruptFlagAtStop = undefined;
  }

  #takeInterruptFlag(): number {
    const flags = this.cpu.flags[0] ?? 0;
    this.cpu.flags[0] = flags & ~FLAG_IF;
    return flags & FLAG_IF;
  }

  #giveInterruptFlag(flag: number): void {
    this.cpu.flags[0] = (this.cpu.flags[0] ?? 0) | flag;
  }

  #fault(cause: unknown): V86Error {
    const selector = (this.cpu.sreg[1] ?? 0).toString(16);
    const address = ((this.cpu.instruction_pointer[0] ?? 0) >>> 0).toString(16);
    return new V86Error(
      "V86_FAULT",
      `v86 gave up at linear address ${address}h (CS ${selector}h): ${this.#lastWords() || String(cause)}. ` +
        "The guest did what v86 does not model, such as a fault without a handler; what was recorded up to here is whole.",
      { cause },
    );
  }
}

function settingsOf(options: EngineOptions, wasm_fn: V86Settings["wasm_fn"]): V86Settings {
  return {
    ...options.guest,
    wasm_fn,
    memory_size: options.memorySize,
    vga_memory_size: VGA_MEMORY_SIZE,
    autostart: false,
    log_level: 0,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    net_device: { type: "none" },
  };
}

/** Reads v86's instruction counter fast; the view is made anew when growth of v86's memory has detached it. */
function instructionCounterOf(cpu: V86Cpu): () => number {
  const view = (): Uint32Array => new Uint32Array(cpu.wasm_memory.buffer, cpu.instruction_counter.byteOffset, 1);
  let counter = view();
  return () => {
    if (counter.length === 0) counter = view();
    return counter[0] ?? 0;
  };
}

/** The same numbers in [0, 1) every time (Numerical Recipes' linear congruential generator). */
function congruentialRandom(): () => number {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

function textAt(memory: unknown, pointer: number, length: number): string {
  const buffer: unknown =
    typeof memory === "object" && memory !== null && "buffer" in memory ? memory.buffer : undefined;
  return buffer instanceof ArrayBuffer ? Buffer.from(buffer, pointer >>> 0, length).toString() : "";
}
