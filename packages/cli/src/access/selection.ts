import type { Command } from "commander";
import type { Library } from "@portrait/classifier";
import type { AccessBatch } from "@portrait/tracer";
import { compileFilter } from "../filter/compile.ts";
import type { RowTest } from "../filter/row-test.ts";
import type { ClassifiedBatch, PassEnd } from "../input/classified-trace.ts";
import { parseSeqRange, parseTime, type SeqRange } from "../quantities.ts";
import { remarkOf, type Remark } from "./access-printer.ts";
import { shownAccess, type ShownAccess } from "./shown-access.ts";

/** Which accesses of a trace are wanted. */
export interface SelectionOptions {
  readonly filter?: string;
  readonly seq?: SeqRange;
  readonly begin?: number;
  readonly end?: number;
}

/** Adds the options by which accesses are chosen. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option("-f, --filter <expr>", "only accesses for which this holds, e.g. 'port in 0x1f0..0x1f7 && dir == out'")
    .option("--seq <range>", "only these access numbers: A..B, A.., ..B", parseSeqRange)
    .option("--begin <time>", "only from this time on: 1.5s, 20ms, 3us, 100ns", parseTime)
    .option("--end <time>", "only before this time", parseTime);
}

/** Where a pass that is to find the chosen accesses may end. */
export function endOf({ seq, end }: SelectionOptions): PassEnd {
  return {
    ...(seq !== undefined && seq.last !== Infinity && { lastSeq: seq.last }),
    ...(end !== undefined && { endTime: end }),
  };
}

/** Whatever takes the chosen accesses, in order, with the remarks between them. */
export interface AccessTaker {
  /** True once it wants no more. */
  readonly full: boolean;
  /** Takes an access; `shown` is asked only where it is needed. True when {@link drain} should be awaited. */
  access(shown: () => ShownAccess): boolean;
  /** Takes a marker or gap. */
  remark(remark: Remark): void;
  /** Hands on what waits. */
  drain(): Promise<void>;
}

/** What of a batch is chosen. What lies after the range has been left out already. */
export class Selection {
  readonly #library: Library;
  readonly #first: number;
  readonly #begin: number;
  readonly #filter: RowTest | undefined;

  /** @throws FilterError */
  constructor(library: Library, { filter, seq, begin = 0 }: SelectionOptions) {
    this.#library = library;
    this.#first = seq?.first ?? 0;
    this.#begin = begin;
    this.#filter = filter === undefined ? undefined : compileFilter(filter, library);
  }

  /** Hands the chosen accesses and remarks of a batch to a taker, as long as it wants more. */
  async pass({ batch, columns }: ClassifiedBatch, taker: AccessTaker): Promise<void> {
    const remarks = this.#remarks(batch);
    let next = 0;
    for (let row = 0; row <= batch.length && !taker.full; row++) {
      for (let one = remarks[next]; one !== undefined && one.seq <= batch.firstSeq + row; one = remarks[++next]) {
        taker.remark(one);
      }
      if (row === batch.length || !this.#wants({ batch, columns }, row)) continue;
      if (taker.access(() => shownAccess(batch, columns, row, this.#library))) await taker.drain();
    }
  }

  #wants({ batch, columns }: ClassifiedBatch, row: number): boolean {
    return (
      batch.firstSeq + row >= this.#first &&
      (batch.time[row] ?? 0) >= this.#begin &&
      (this.#filter === undefined || this.#filter(batch, columns, row))
    );
  }

  /** With a filter, markers are left out: they tell of accesses that may be. */
  #remarks(batch: AccessBatch): Remark[] {
    return [...batch.gaps, ...batch.markers]
      .sort((a, b) => a.index - b.index)
      .map((item) => remarkOf(item, batch.firstSeq))
      .filter(
        (remark) =>
          remark.seq >= this.#first && remark.time >= this.#begin && (this.#filter === undefined || "gap" in remark),
      );
  }
}
