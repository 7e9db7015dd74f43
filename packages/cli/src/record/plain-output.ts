import { TraceWriter, type TraceInfo } from "@portrait/tracer";
import { createTraceFile, type TraceFile } from "@portrait/vmm";
import { count, plural } from "../output/numbers.ts";
import type { RecordingOptions, RecordingOutput } from "./recording-output.ts";

/** A recording in one file. */
export class PlainOutput implements RecordingOutput {
  readonly path: string;
  readonly #file: TraceFile;
  readonly trace: TraceWriter;

  private constructor(path: string, file: TraceFile, info: TraceInfo) {
    this.path = path;
    this.#file = file;
    this.trace = new TraceWriter(file.sink, info);
  }

  static async create(info: TraceInfo, { output, overwrite }: RecordingOptions): Promise<PlainOutput> {
    return new PlainOutput(output, await createTraceFile(output, { overwrite: overwrite === true }), info);
  }

  close(): Promise<void> {
    return this.trace.close();
  }

  seal(): Promise<void> {
    return this.#file.seal();
  }

  get summary(): string {
    const { nextSeq: accesses, bytes } = this.trace;
    const each = accesses === 0 ? "" : ` (${(bytes / accesses).toFixed(2)} each)`;
    return `${this.path}: ${plural(accesses, "access", "accesses")}, ${count(bytes)} bytes${each}`;
  }
}
