import { CHUNK_ACCESSES } from "../limits.ts";

const SLOTS = 4 * CHUNK_ACCESSES;

/** The distinct ops of a chunk in the order they first came, at most {@link CHUNK_ACCESSES} of them. */
export class OpDictionary {
  /** Port and kind of each entry, as port × 16 + kind. */
  readonly key = new Int32Array(CHUNK_ACCESSES);
  readonly vcpu = new Uint16Array(CHUNK_ACCESSES);
  size = 0;
  // Open addressing; a slot holds an entry's index + 1, so that 0 is free.
  readonly slots = new Uint16Array(SLOTS);

  /** Index of an op, which is entered when it is new. */
  indexOf(key: number, vcpu: number): number {
    const { slots } = this;
    let slot = Math.imul(key ^ Math.imul(vcpu, 0x85ebca77), 0x9e3779b1) >>> 16;
    for (;;) {
      const index = (slots[slot] ?? 0) - 1;
      if (index < 0) break;
      if (this.key[index] === key && this.vcpu[index] === vcpu) return index;
      slot = (slot + 1) & (SLOTS - 1);
    }
    const index = this.size++;
    slots[slot] = index + 1;
    this.key[index] = key;
    this.vcpu[index] = vcpu;
    return index;
  }

  /** Ports of the entries. */
  ports(): Uint16Array {
    return Uint16Array.from(this.key.subarray(0, this.size), (key) => key >>> 4);
  }

  /** Kinds of the entries. */
  kinds(): Uint8Array {
    return Uint8Array.from(this.key.subarray(0, this.size), (key) => key & 15);
  }

  /** Vcpus of the entries. */
  vcpus(): Uint16Array {
    return this.vcpu.slice(0, this.size);
  }

  clear(): void {
    this.slots.fill(0);
    this.size = 0;
  }
}
