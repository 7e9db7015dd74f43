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
 * All ports of a machine, with nothing watching. An access on which a v86 device throws is thrown as {@link V86Error}
 * `V86_FAULT`.
 */
export class V86Ports {
  readonly #inModule = new Uint8Array(0x10000);
  #ownRead8: WasmFunction = notConnected;
  #ownWrite8: WasmFunction = notConnected;
  #io: V86Io | undefined;

  constructor() {
    for (const port of MODULE_PORTS) this.#inModule[port] = 1;
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

  readonly in8: ReadPort = reading(8, (port) =>
    this.#inModule[port] === 1 ? this.#ownRead8(port) : this.#bus.port_read8(port),
  );
  readonly in16: ReadPort = reading(16, (port) => this.#bus.port_read16(port));
  readonly in32: ReadPort = reading(32, (port) => this.#bus.port_read32(port));
  readonly out8: WritePort = writing(8, (port, value) =>
    this.#inModule[port] === 1 ? this.#ownWrite8(port, value) : this.#bus.port_write8(port, value),
  );
  readonly out16: WritePort = writing(16, (port, value) => this.#bus.port_write16(port, value));
  readonly out32: WritePort = writing(32, (port, value) => this.#bus.port_write32(port, value));

  get #bus(): V86Io {
    return this.#io ?? notConnected();
  }
}

function reading(width: 8 | 16 | 32, read: ReadPort): ReadPort {
  const mask = maskOf(width);
  return (port) => {
    try {
      return (read(port) & mask) >>> 0;
    } catch (cause) {
      throw deviceError(`IN ${port.toString(16)}h (${width} bits)`, cause);
    }
  };
}

function writing(width: 8 | 16 | 32, write: (port: number, value: number) => unknown): WritePort {
  const mask = maskOf(width);
  return (port, value) => {
    try {
      write(port, value & mask);
    } catch (cause) {
      throw deviceError(`OUT ${port.toString(16)}h, ${((value & mask) >>> 0).toString(16)}h (${width} bits)`, cause);
    }
  };
}

function maskOf(width: 8 | 16 | 32): number {
  return width === 32 ? -1 : 2 ** width - 1;
}

function deviceError(access: string, cause: unknown): V86Error {
  return new V86Error("V86_FAULT", `v86's device fails on ${access}: ${String(cause)}`, { cause });
}

function functionOf(exports: Readonly<Record<string, unknown>>, name: string): WasmFunction {
  const found = exports[name];
  if (typeof found !== "function") throw new V86Error("V86_VERSION", `the patched v86.wasm does not export ${name}`);
  return (...args) => Number(found(...args));
}

function notConnected(): never {
  throw new Error("a v86 port was used before the machine had started");
}
