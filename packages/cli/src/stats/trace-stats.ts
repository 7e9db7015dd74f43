import { VERDICTS, type ClassifiedColumns, type Library, type Verdict } from "@portrait/classifier";
import { directionOf, isOut, isString, widthOf, type AccessBatch, type Direction, type Width } from "@portrait/tracer";
import type { RowTest } from "../filter/row-test.ts";
import { PollLoops, type PollLoop } from "./poll-loops.ts";

/** Counts of one register. */
export interface RegisterCounts {
  readonly device: string;
  readonly register: string;
  readonly in: number;
  readonly out: number;
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>;
}

/** Accesses of one kind that no description covers. */
export interface UncoveredCount {
  readonly port: number;
  readonly direction: Direction;
  readonly width: Width;
  readonly count: number;
  /** Sequence number of the first. */
  readonly first: number;
}

const VERDICT_COUNT = VERDICTS.length;

/** Adds up what a trace consists of, batch by batch. */
export class TraceStats {
  accesses = 0;
  strings = 0;
  markers = 0;
  gaps = 0;
  /** Accesses lost in gaps, as far as the capture could tell. */
  lost = 0;
  /** Accesses whose register could not be told. */
  ambiguous = 0;
  firstTime = 0;
  lastTime = 0;
  readonly #library: Library;
  /** By instance + 1, then register, then direction and verdict. */
  readonly #counts: readonly Float64Array[];
  readonly #uncovered = new Map<number, { count: number; first: number }>();
  readonly #verdicts = new Float64Array(VERDICT_COUNT);
  readonly #polls: PollLoops;

  constructor(library: Library) {
    this.#library = library;
    this.#counts = library.instances.map(({ device }) => new Float64Array(device.registers.length * 2 * VERDICT_COUNT));
    this.#polls = new PollLoops(library);
  }

  /** Takes the rows of the next batch that pass. */
  add(batch: AccessBatch, columns: ClassifiedColumns, passes?: RowTest): void {
    for (let row = 0; row < batch.length; row++) {
      if (passes === undefined || passes(batch, columns, row)) this.#addRow(batch, columns, row);
    }
    this.markers += batch.markers.length;
    this.gaps += batch.gaps.length;
    for (const { lost } of batch.gaps) this.lost += lost ?? 0;
  }

  #addRow(batch: AccessBatch, columns: ClassifiedColumns, row: number): void {
    const verdict = columns.verdict[row] ?? 0;
    const op = batch.op[row] ?? 0;
    const time = batch.time[row] ?? 0;
    if (this.accesses++ === 0) this.firstTime = time;
    this.lastTime = time;
    if (isString(op)) this.strings++;
    if (isAmbiguous(columns, row)) this.ambiguous++;
    this.#polls.add(batch, columns, row);
    const counts = this.#counts[(columns.instance[row] ?? 0) - 1];
    this.#verdicts[verdict] = (this.#verdicts[verdict] ?? 0) + 1;
    if (counts === undefined) {
      const kind = (batch.port[row] ?? 0) * 8 + (op & 7);
      const known = this.#uncovered.get(kind);
      if (known === undefined) this.#uncovered.set(kind, { count: 1, first: batch.firstSeq + row });
      else known.count++;
      return;
    }
    const cell = ((columns.register[row] ?? 0) * 2 + (isOut(op) ? 1 : 0)) * VERDICT_COUNT + verdict;
    counts[cell] = (counts[cell] ?? 0) + 1;
  }

  /** Accesses of each verdict, those with none left out. */
  verdicts(): Partial<Record<Verdict, number>> {
    return verdictsOf((verdict) => this.#verdicts[verdict] ?? 0);
  }

  /** Every register that was accessed, in the library's order. An ambiguous access counts for the first candidate. */
  registers(): RegisterCounts[] {
    return this.#library.instances.flatMap(({ name: device, device: { registers } }, instance) => {
      const counts = this.#counts[instance];
      return registers.flatMap((register): RegisterCounts[] => {
        const cell = (out: number, verdict: number) =>
          counts?.[(register.index * 2 + out) * VERDICT_COUNT + verdict] ?? 0;
        const sum = (out: number) => VERDICTS.reduce((total, _, verdict) => total + cell(out, verdict), 0);
        if (sum(0) + sum(1) === 0) return [];
        const verdicts = verdictsOf((verdict) => cell(0, verdict) + cell(1, verdict));
        return [{ device, register: register.name, in: sum(0), out: sum(1), verdicts }];
      });
    });
  }

  /** What no description covers, most frequent first. */
  uncovered(): UncoveredCount[] {
    const kinds = [...this.#uncovered].map(([kind, { count, first }]) => ({
      port: Math.floor(kind / 8),
      direction: directionOf(kind & 7),
      width: widthOf(kind & 7),
      count,
      first,
    }));
    return kinds.sort((a, b) => b.count - a.count || a.port - b.port);
  }

  /** Reads of one port, many times in a row; most reads first. */
  polls(): PollLoop[] {
    return this.#polls.list();
  }
}

function isAmbiguous({ several }: ClassifiedColumns, row: number): boolean {
  return (
    several.size > 0 &&
    (several.get(row)?.some(({ registers, contested }) => contested || registers.length !== 1) ?? false)
  );
}

function verdictsOf(countOf: (verdict: number) => number): Partial<Record<Verdict, number>> {
  const entries = VERDICTS.map((name, verdict) => [name, countOf(verdict)] as const).filter(([, count]) => count > 0);
  return Object.fromEntries(entries);
}
