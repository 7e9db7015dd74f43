import { writeFileSync } from "node:fs";
import { BatchBuilder, opOf, TraceWriter, type TraceInfo, type Width } from "@portrait/tracer";

/** A trace being made: accesses one microsecond apart, from the machine's reset on. */
export class TraceScript {
  readonly #pieces: Uint8Array[] = [];
  readonly #writer: TraceWriter;
  readonly #builder: BatchBuilder;
  #written: Promise<void> = Promise.resolve();
  #time = 0;

  constructor(info: Partial<TraceInfo> = {}) {
    const sink = { write: (bytes: Uint8Array) => Promise.resolve(void this.#pieces.push(bytes)) };
    this.#writer = new TraceWriter(sink, { ...INFO, ...info });
    this.#builder = new BatchBuilder((batch) => {
      this.#written = this.#writer.write(batch);
    });
  }

  out(port: number, value: number, width: Width = 8): this {
    this.#builder.push(this.#tick(), port, opOf("out", width), value);
    return this;
  }

  in(port: number, value: number, width: Width = 8): this {
    this.#builder.push(this.#tick(), port, opOf("in", width), value);
    return this;
  }

  /** A string OUT of bytes; `undefined`: `count` bytes that were not observed. */
  outs(port: number, bytes: Uint8Array | undefined, count = bytes?.length ?? 0): this {
    this.#builder.pushString(this.#tick(), port, "out", 8, count, bytes?.[0] ?? 0, bytes);
    return this;
  }

  marker(text: string): this {
    this.#builder.marker(this.#time, text);
    return this;
  }

  gap(reason: string, lost?: number): this {
    this.#builder.gap(this.#time, reason, lost);
    return this;
  }

  /** The sealed trace. */
  async bytes(): Promise<Uint8Array> {
    this.#builder.flush();
    await this.#written;
    await this.#writer.close();
    return Buffer.concat(this.#pieces);
  }

  /** What a writer that was killed now would leave. */
  async unsealed(): Promise<Uint8Array> {
    this.#builder.flush();
    await this.#written;
    await this.#writer.flush();
    return Buffer.concat(this.#pieces);
  }

  async save(file: string): Promise<void> {
    writeFileSync(file, await this.bytes());
  }

  #tick(): number {
    this.#time += 1000;
    return this.#time;
  }
}

const INFO: TraceInfo = {
  clock: "us",
  startedAt: undefined,
  machine: { engine: "test", engineVersion: "1", guest: "pic and uart", host: "", decodesAliases: false },
  command: ["made", "by", "a test"],
  fromReset: true,
  ports: [],
  descriptions: [],
};

/** 8259 initialisation, then a 16550 at 115200 baud that prints "H" after polling: 20 accesses, the last not covered. */
export function picAndUart(script = new TraceScript()): TraceScript {
  script.out(0x20, 0x11).out(0x21, 0x30).out(0x21, 0x04).out(0x21, 0x01).out(0x21, 0xfb);
  script.out(0x3fb, 0x80).out(0x3f8, 0x01).out(0x3f9, 0x00).out(0x3fb, 0x03).out(0x3fa, 0xc7);
  for (let i = 0; i < 5; i++) script.in(0x3fd, 0x00);
  script.in(0x3fd, 0x60).out(0x3f8, 0x48).marker("printed H");
  return script.in(0x21, 0xfb).out(0x21, 0xfa).out(0x9999, 0x01);
}
