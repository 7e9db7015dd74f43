import { BatchBuilder, directionOf, isString, widthOf, type AccessBatch, type TraceWriter } from "@portrait/tracer";

/** Writes chosen accesses to a trace under new sequence numbers; markers, gaps and times stay as they are. */
export class KeptWriter {
  readonly #writer: TraceWriter;
  readonly #builder: BatchBuilder;
  #written: Promise<void> = Promise.resolve();

  constructor(writer: TraceWriter) {
    this.#writer = writer;
    this.#builder = new BatchBuilder((batch) => {
      this.#written = this.#writer.write(batch);
      // Awaited by the next `take` or `end`.
      this.#written.catch(() => undefined);
    });
  }

  /** Accesses kept so far. */
  get count(): number {
    return this.#builder.nextSeq;
  }

  /** Puts a marker before the next access. */
  marker(time: number, text: string): void {
    this.#builder.marker(time, text);
  }

  /** Takes the rows of a batch that are kept. */
  async take(batch: AccessBatch, keeps: (row: number) => boolean): Promise<void> {
    const remarks = [...batch.gaps, ...batch.markers].sort((a, b) => a.index - b.index);
    let next = 0;
    for (let row = 0; row <= batch.length; row++) {
      for (let item = remarks[next]; item !== undefined && item.index <= row; item = remarks[++next]) {
        if ("text" in item) this.#builder.marker(item.time, item.text);
        else this.#builder.gap(item.time, item.reason, item.lost);
      }
      if (row < batch.length && keeps(row)) this.#push(batch, row);
    }
    await this.#written;
  }

  /** Hands on what is left and waits for it. */
  async end(): Promise<void> {
    this.#builder.flush();
    await this.#written;
  }

  #push(batch: AccessBatch, row: number): void {
    const op = batch.op[row] ?? 0;
    const [time = 0, port = 0, value = 0, vcpu = 0] = [
      batch.time[row],
      batch.port[row],
      batch.value[row],
      batch.vcpu[row],
    ];
    const string = isString(op) ? batch.strings.find(({ index }) => index === row) : undefined;
    if (string === undefined) this.#builder.push(time, port, op, value, vcpu);
    else {
      const { count, payload } = string;
      this.#builder.pushString(time, port, directionOf(op), widthOf(op), count, value, payload, vcpu);
    }
  }
}
