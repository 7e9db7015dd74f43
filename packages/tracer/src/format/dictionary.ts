import { CHUNK_ACCESSES } from "../limits.ts";

const SLOTS = 4 * CHUNK_ACCESSES;

/** The distinct ops of a chunk in the order they first came, at most {@link CHUNK_ACCESSES} of them. */
export class OpDictionary {
  readonly port = new Uint16Array(CHUNK_ACCESSES);
  readonly kind = new Uint8Array(CHUNK_ACCESSES);
  readonly vcpu = new Uint16Array(CHUNK_ACCESSES);
  /** True once an op came from another vcpu than 0. */
  manyVcpus = false;
  #size = 0;
  // Open addressing; a slot holds an entry's index + 1, so that 0 is free.
  readonly #slots = new Uint16Array(SLOTS);

  get size(): number {
    return this.#size;
  }

  /** Index of an op, which is entered when it is new. */
  indexOf(port: number, kind: number, vcpu: number): number {
    let slot = (Math.imul((port << 4) ^ kind ^ Math.imul(vcpu, 0x85ebca77), 0x9e3779b1) >>> 16) % SLOTS;
    for (;;) {
      const index = (this.#slots[slot] ?? 0) - 1;
      if (index < 0) return this.#enter(slot, port, kind, vcpu);
      if (this.port[index] === port && this.kind[index] === kind && this.vcpu[index] === vcpu) return index;
      slot = (slot + 1) % SLOTS;
    }
  }

  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
    this.manyVcpus = false;
  }

  #enter(slot: number, port: number, kind: number, vcpu: number): number {
    const index = this.#size++;
    this.#slots[slot] = index + 1;
    this.port[index] = port;
    this.kind[index] = kind;
    this.vcpu[index] = vcpu;
    if (vcpu !== 0) this.manyVcpus = true;
    return index;
  }
}
