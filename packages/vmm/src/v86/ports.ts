import { V86Error } from "./errors.ts";
import type { V86Io } from "./internals.ts";
import { OWN_READ8, OWN_WRITE8 } from "./wasm-patch.ts";
import type { WasmFunction } from "./web-assembly.ts";

/** Reads a port; the value is unsigned. */
export type ReadPort = (port: number) => number;
/** Writes a port. */
export type WritePort = (port: number, value: number) => void;

/** Ports v86 answers inside its WebAssembly module (src/rust/cpu/cpu.rs, `io_port_read8`): both 8259 and the ELCR. */
const MODULE_PORTS: readonly number[] = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1];

/**
 * All ports of a machine, with nothing watching.
 *
 * Some of v86's devices throw on accesses that hardware leaves without effect (a write to the configuration space of an
 * absent PCI device, an ATA write without a disk). Such an access is dropped and counted: a write does nothing, a read
 * gives all ones.
 */
export class V86Ports {
  readonly #inModule = new Uint8Array(0x10000);
  #ownRead8: WasmFunction = notConnected;
  #ownWrite8: WasmFunction = notConnected;
  #io: V86Io | undefined;
  #dropped = 0;

  constructor() {
    for (const port of MODULE_PORTS) this.#inModule[port] = 1;
  }

  /** Accesses dropped because v86's device threw. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes the ports inside the patched module from its exports. */
  connectModule(exports: Readonly<Record<string, unknown>>): void {
    this.#ownRead8 = functionOf(exports, OWN_READ8);
    this.#ownWrite8 = functionOf(exports, OWN_WRITE8);
  }

  /** Takes all other ports from v86's bus. */
  connectBus(io: V86Io): void {
    this.#io = io;
  }

  readonly in8 = this.#reading(0xff, (port) =>
    this.#inModule[port] === 1 ? this.#ownRead8(port) : this.#bus.port_read8(port),
  );
  readonly in16 = this.#reading(0xffff, (port) => this.#bus.port_read16(port));
  readonly in32 = this.#reading(-1, (port) => this.#bus.port_read32(port));
  readonly out8 = this.#writing(0xff, (port, value) =>
    this.#inModule[port] === 1 ? this.#ownWrite8(port, value) : this.#bus.port_write8(port, value),
  );
  readonly out16 = this.#writing(0xffff, (port, value) => this.#bus.port_write16(port, value));
  readonly out32 = this.#writing(-1, (port, value) => this.#bus.port_write32(port, value));

  #reading(mask: number, read: ReadPort): ReadPort {
    return (port) => {
      try {
        return (read(port) & mask) >>> 0;
      } catch {
        this.#dropped++;
        return mask >>> 0;
      }
    };
  }

  #writing(mask: number, write: (port: number, value: number) => unknown): WritePort {
    return (port, value) => {
      try {
        write(port, value & mask);
      } catch {
        this.#dropped++;
      }
    };
  }

  get #bus(): V86Io {
    return this.#io ?? notConnected();
  }
}

function functionOf(exports: Readonly<Record<string, unknown>>, name: string): WasmFunction {
  const found = exports[name];
  if (typeof found !== "function") throw new V86Error("V86_VERSION", `the patched v86.wasm does not export ${name}`);
  return (...args) => Number(found(...args));
}

function notConnected(): never {
  throw new Error("a v86 port was used before the machine had started");
}
