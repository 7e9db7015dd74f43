import { vcpuThread, type VcpuThread } from "./guests.ts";

/** What is known of a thread that makes accesses. */
export interface KnownThread<G> {
  readonly guest: G;
  readonly vcpu: number;
}

/** A guest as its threads see it. */
export interface NumberedGuest {
  /** Numbers its CPUs have so far. */
  readonly vcpus: Set<number>;
  /** Says, for people, which thread a CPU is. */
  remark(text: string): void;
}

/** Threads of guests' CPUs, learned as they are met. */
export class ThreadTable<G extends NumberedGuest> {
  readonly #guestOf: (thread: VcpuThread | undefined, id: number) => Promise<G | undefined>;
  readonly #threads = new Map<number, KnownThread<G> | undefined>();

  /** `guestOf` says whose a thread is; undefined where its accesses are not wanted. */
  constructor(guestOf: (thread: VcpuThread | undefined, id: number) => Promise<G | undefined>) {
    this.#guestOf = guestOf;
  }

  /** True once a thread was learned. */
  knows(id: number): boolean {
    return this.#threads.has(id);
  }

  /** Whose accesses a thread makes, of those that were learned. */
  get(id: number): KnownThread<G> | undefined {
    return this.#threads.get(id);
  }

  /** Finds out what a thread is. A CPU whose number nothing tells gets the lowest that is free. */
  async learn(id: number): Promise<void> {
    const thread = await vcpuThread(id);
    const guest = await this.#guestOf(thread, id);
    if (guest === undefined) {
      this.#threads.set(id, undefined);
      return;
    }
    const told = thread?.vcpu !== undefined && !guest.vcpus.has(thread.vcpu) ? thread.vcpu : undefined;
    const vcpu = told ?? lowestFree(guest.vcpus);
    guest.vcpus.add(vcpu);
    guest.remark(
      `vcpu ${vcpu} is thread ${id}${thread === undefined ? ", which has ended" : ` (${thread.name})`}` +
        (told === undefined ? "; nothing tells its number, so it has the lowest that was free" : ""),
    );
    this.#threads.set(id, { guest, vcpu });
  }

  /** Forgets the threads of a guest that is gone: their numbers may come again. */
  forget(guest: G): void {
    for (const [id, thread] of this.#threads) if (thread?.guest === guest) this.#threads.delete(id);
  }
}

function lowestFree(taken: ReadonlySet<number>): number {
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}
