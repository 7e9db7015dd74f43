import type { Port } from "../description/model.ts";
import type { Library, PortClaim } from "../library.ts";

type Claims = readonly PortClaim[] | undefined;

/** Which instance stands at which port, as the guest has put them by now. */
export class PortMap {
  readonly #library: Library;
  /** A copy of the library's table, once an instance was placed. */
  #moved: Claims[] | undefined;
  readonly #bases = new Map<number, number>();
  /** True while some port takes bytes that another instance's takes as well. */
  #crowded = false;

  constructor(library: Library) {
    this.#library = library;
  }

  /** Claims on a port address; undefined where no instance stands. */
  claims(address: number): Claims {
    return this.#moved === undefined ? this.#library.claims(address) : this.#moved[address];
  }

  /** True where a moving instance stands on one of `bytes` ports that another instance stands on as well. */
  contested(address: number, bytes: number): boolean {
    if (!this.#crowded) return false;
    const here = Array.from({ length: bytes }, (_, i) => this.claims((address + i) & 0xffff) ?? []).flat();
    return here.some(({ moves }) => moves) && here.some(({ instance }) => instance !== here[0]?.instance);
  }

  /** Puts a moving instance's ports where `base` says. */
  place(instance: number, base: number): void {
    const table = (this.#moved ??= this.#library.table());
    for (const { address, claim } of this.#library.claimsOf(instance, base)) {
      table[address] = [...(table[address] ?? []), claim];
    }
    this.#bases.set(instance, base);
    this.#count();
  }

  /** Takes away a moving instance's ports, which `base` says. */
  remove(instance: number, base: number): void {
    const table = this.#moved;
    if (table === undefined) return;
    for (const { address } of this.#library.claimsOf(instance, base)) {
      table[address] = without(table[address], instance);
    }
    this.#bases.delete(instance);
    this.#count();
  }

  /** Takes the ports of an instance at a fixed place away. */
  hide(instance: number): void {
    const table = (this.#moved ??= this.#library.table());
    for (const address of this.#fixedPorts(instance)) table[address] = without(table[address], instance);
    this.#count();
  }

  /** Gives them back. */
  show(instance: number): void {
    const table = (this.#moved ??= this.#library.table());
    for (const address of this.#fixedPorts(instance)) {
      const own = this.#library.claims(address)?.filter((claim) => claim.instance === instance) ?? [];
      table[address] = [...own, ...(without(table[address], instance) ?? [])];
    }
    this.#count();
  }

  #fixedPorts(instance: number): number[] {
    return Array.from({ length: 0x10000 }, (_, address) => address).filter((address) =>
      this.#library.claims(address)?.some((claim) => claim.instance === instance),
    );
  }

  #count(): void {
    this.#crowded = [...this.#bases].some((placed) => this.#overlaps(...placed));
  }

  /** True where one of the instance's ports takes a byte that another instance's port takes. */
  #overlaps(instance: number, base: number): boolean {
    return this.#library.claimsOf(instance, base).some(({ address, claim: { port } }) => {
      // Ports up to three bytes before may be wide enough to reach here.
      for (let at = address - 3; at < address + bytesOf(port); at++) {
        const others = this.claims(at & 0xffff)?.filter((claim) => claim.instance !== instance) ?? [];
        if (others.some((claim) => at >= address || at + bytesOf(claim.port) > address)) return true;
      }
      return false;
    });
  }
}

/** The claims of other instances. */
function without(claims: Claims, instance: number): Claims {
  const left = claims?.filter((claim) => claim.instance !== instance) ?? [];
  return left.length === 0 ? undefined : left;
}

/** Bytes the widest access to a port takes. */
function bytesOf({ widths }: Port): number {
  return Math.max(...widths) / 8;
}
