import { TraceWriter, type TraceInfo } from "@portrait/tracer";
import { createTraceFile, type RecorderOutputs, type TraceFile } from "@portrait/vmm";
import { keepPorts, type PortRange } from "../machine/port-ranges.ts";
import { count, plural } from "../output/numbers.ts";

/** Where a recording goes. */
export interface RecordingOptions {
  readonly output: string;
  readonly ports?: readonly PortRange[];
  readonly overwrite?: true;
}

/** A trace file while it is recorded. */
export class Recording {
  /** Takes the accesses that are wanted. */
  readonly writer: NonNullable<RecorderOutputs["writer"]>;
  readonly #path: string;
  readonly #file: TraceFile;
  readonly #trace: TraceWriter;
  #bytes = 0;

  private constructor(file: TraceFile, info: TraceInfo, { output, ports }: RecordingOptions) {
    this.#path = output;
    this.#file = file;
    this.#trace = new TraceWriter({ write: (bytes) => this.#write(bytes) }, info);
    this.writer = ports === undefined ? this.#trace : keepPorts(this.#trace, ports);
  }

  /** Creates the file. @throws the file system's error; `EEXIST` where there is one that must not be replaced */
  static async create(info: TraceInfo, options: RecordingOptions): Promise<Recording> {
    const file = await createTraceFile(options.output, { overwrite: options.overwrite === true });
    return new Recording(file, info, options);
  }

  /** Writes the end of the trace. */
  async close(): Promise<void> {
    await this.#trace.close();
  }

  /** Makes sure that what was written is on the disk; to be called in any case. */
  async seal(): Promise<void> {
    await this.#file.seal();
  }

  /** File, accesses and size in words. */
  get summary(): string {
    const accesses = this.#trace.nextSeq;
    const each = accesses === 0 ? "" : ` (${(this.#bytes / accesses).toFixed(2)} each)`;
    return `${this.#path}: ${plural(accesses, "access", "accesses")}, ${count(this.#bytes)} bytes${each}`;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file.sink.write(bytes);
    this.#bytes += bytes.length;
  }
}
