import type { ClassifiedColumns, Library } from "@portrait/classifier";
import { isOut, widthOf, type AccessBatch, type Width } from "@portrait/tracer";

/** Reads in a row from which on they count as a poll loop. */
export const POLL_READS = 4;

/** The poll loops on one port. */
export interface PollLoop {
  readonly port: number;
  readonly width: Width;
  /** What the port was taken for in the latest loop; undefined where no description covers it. */
  readonly register: string | undefined;
  readonly loops: number;
  readonly reads: number;
  /** Reads in the longest loop. */
  readonly longest: number;
}

/** Finds runs of at least {@link POLL_READS} reads of one port with nothing in between. */
export class PollLoops {
  readonly #library: Library;
  readonly #found = new Map<number, { register: string | undefined; loops: number; reads: number; longest: number }>();
  #kind = -1;
  #reads = 0;
  #instance = 0;
  #register = 0;

  constructor(library: Library) {
    this.#library = library;
  }

  /** Takes the next access. */
  add(batch: AccessBatch, columns: ClassifiedColumns, row: number): void {
    const op = batch.op[row] ?? 0;
    const kind = isOut(op) ? -1 : (batch.port[row] ?? 0) * 8 + (op & 7);
    if (kind !== this.#kind) {
      this.#end();
      this.#kind = kind;
      this.#instance = columns.instance[row] ?? 0;
      this.#register = columns.register[row] ?? 0;
    }
    this.#reads++;
  }

  /** The loops of each port, most reads first. */
  list(): PollLoop[] {
    this.#end();
    const list = [...this.#found].map(([kind, loop]) => ({
      port: Math.floor(kind / 8),
      width: widthOf(kind & 7),
      ...loop,
    }));
    return list.sort((a, b) => b.reads - a.reads);
  }

  #end(): void {
    const reads = this.#reads;
    this.#reads = 0;
    if (this.#kind < 0 || reads < POLL_READS) return;
    const before = this.#found.get(this.#kind);
    this.#found.set(this.#kind, {
      register: this.#name(),
      loops: (before?.loops ?? 0) + 1,
      reads: (before?.reads ?? 0) + reads,
      longest: Math.max(before?.longest ?? 0, reads),
    });
  }

  #name(): string | undefined {
    const instance = this.#library.instances[this.#instance - 1];
    const register = instance?.device.registers[this.#register];
    return instance && register && `${instance.name}.${register.name}`;
  }
}
