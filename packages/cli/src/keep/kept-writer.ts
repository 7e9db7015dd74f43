import { BatchBuilder, directionOf, isString, widthOf, type AccessBatch, type TraceWriter } from "@portrait/tracer";

/**
 * Writes chosen accesses to a trace under new sequence numbers; markers, gaps and times stay as they are. What was known at the start of a trace
 * that begins later stays too, and with it the number its first access has: those before it are spoken of.
 */
export class KeptWriter {
  readonly #writer: TraceWriter;
  readonly #early: { readonly time: number; readonly text: string }[] = [];
  #builder: BatchBuilder | undefined;
  #firstSeq = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(writer: TraceWriter) {
    this.#writer = writer;
  }

  /** Accesses kept so far. */
  get count(): number {
    return (this.#builder?.nextSeq ?? 0) - this.#firstSeq;
  }

  /** Puts a marker before the first access. */
  marker(time: number, text: string): void {
    this.#early.push({ time, text });
  }

  /** Takes the rows of a batch that are kept. */
  async take(batch: AccessBatch, keeps: (row: number) => boolean): Promise<void> {
    this.#builder ??= this.#begin(batch.anchor, batch.firstSeq);
    const builder = this.#builder;
    const remarks = [...batch.gaps, ...batch.markers].sort((a, b) => a.index - b.index);
    let next = 0;
    for (let row = 0; row <= batch.length; row++) {
      for (let item = remarks[next]; item !== undefined && item.index <= row; item = remarks[++next]) {
        if ("text" in item) builder.marker(item.time, item.text);
        else builder.gap(item.time, item.reason, item.lost);
      }
      if (row < batch.length && keeps(row)) push(builder, batch, row);
    }
    await this.#written;
  }

  /** Hands on what is left and waits for it. */
  async end(): Promise<void> {
    this.#builder ??= this.#begin(undefined, 0);
    this.#builder.flush();
    await this.#written;
  }

  #begin(anchor: string | undefined, firstSeq: number): BatchBuilder {
    let known = anchor;
    this.#firstSeq = anchor === undefined ? 0 : firstSeq;
    const write = (batch: AccessBatch) => {
      this.#written = this.#writer.write(known === undefined ? batch : { ...batch, anchor: known });
      known = undefined;
      // Awaited by the next `take` or `end`.
      this.#written.catch(() => undefined);
    };
    const builder = new BatchBuilder(write, { firstSeq: this.#firstSeq });
    for (const { time, text } of this.#early) builder.marker(time, text);
    return builder;
  }
}

function push(builder: BatchBuilder, batch: AccessBatch, row: number): void {
  const op = batch.op[row] ?? 0;
  const [time = 0, port = 0, value = 0, vcpu = 0] = [
    batch.time[row],
    batch.port[row],
    batch.value[row],
    batch.vcpu[row],
  ];
  const string = isString(op) ? batch.strings.find(({ index }) => index === row) : undefined;
  if (string === undefined) builder.push(time, port, op, value, vcpu);
  else {
    const { count, payload } = string;
    builder.pushString(time, port, directionOf(op), widthOf(op), count, value, payload, vcpu);
  }
}
