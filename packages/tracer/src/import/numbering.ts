import type { BatchBuilder } from "../batch.ts";

/**
 * Watches the sequence numbers of a log that has them. Where accesses are missing, because it was filtered or is pieced
 * together, a gap is put: whoever reads the trace must not take it for all that happened.
 */
export class Numbering {
  readonly #builder: BatchBuilder;
  #expected = 0;

  constructor(builder: BatchBuilder) {
    this.#builder = builder;
  }

  /** Call before each access; `seq` is undefined where the log does not number it. */
  next(seq: number | undefined, time: number): void {
    const number = seq ?? this.#expected;
    if (number > this.#expected) {
      this.#builder.gap(time, "left out of the log", number - this.#expected);
    } else if (number < this.#expected) {
      this.#builder.gap(time, "the log's numbers begin anew: what happened in between was not observed");
    }
    this.#expected = number + 1;
  }
}
