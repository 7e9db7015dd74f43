import { BatchBuilder, opOf, type AccessBatch, type Op } from "@portrait/tracer";
import type { ReadPort, V86Ports, WritePort } from "./ports.ts";

/** What a tap needs of the machine it watches. */
export interface TapHost {
  /** Guest time in nanoseconds. */
  readonly time: () => number;
  /** An access has been carried out, the last of `count` so far. */
  readonly afterAccess: (count: number) => unknown;
  /** Something threw on the way; an exception must not pass through the engine's own frames. */
  readonly onError: (error: unknown) => unknown;
}

/** Stands between the guest's CPU and the ports: counts every access and hands it to those who listen. */
export class PortTap {
  readonly #host: TapHost;
  #builders: readonly BatchBuilder[] = [];
  #count = 0;

  constructor(host: TapHost) {
    this.#host = host;
  }

  /** Accesses of the guest so far. */
  get count(): number {
    return this.#count;
  }

  /** Hands every further access to `sink` in batches. */
  add(sink: (batch: AccessBatch) => void): { flush(): void } {
    const builder = new BatchBuilder(sink, { firstSeq: this.#count });
    this.#builders = [...this.#builders, builder];
    return { flush: () => builder.flush() };
  }

  /** The functions v86's WebAssembly module imports for the guest's port accesses, one call per element of a string. */
  imports(ports: V86Ports): Record<string, ReadPort | WritePort> {
    return {
      io_port_read8: this.#reading(opOf("in", 8), ports.in8),
      io_port_read16: this.#reading(opOf("in", 16), ports.in16),
      io_port_read32: this.#reading(opOf("in", 32), ports.in32),
      io_port_write8: this.#writing(opOf("out", 8), 0xff, ports.out8),
      io_port_write16: this.#writing(opOf("out", 16), 0xffff, ports.out16),
      io_port_write32: this.#writing(opOf("out", 32), -1, ports.out32),
    };
  }

  #reading(op: Op, read: ReadPort): ReadPort {
    return (port) => {
      const value = read(port);
      this.#observe(port, op, value);
      return value;
    };
  }

  #writing(op: Op, mask: number, write: WritePort): WritePort {
    return (port, value) => {
      write(port, value);
      this.#observe(port, op, (value & mask) >>> 0);
    };
  }

  #observe(port: number, op: Op, value: number): void {
    this.#count++;
    try {
      for (const builder of this.#builders) builder.push(this.#host.time(), port, op, value);
      this.#host.afterAccess(this.#count);
    } catch (error) {
      this.#host.onError(error);
    }
  }
}
