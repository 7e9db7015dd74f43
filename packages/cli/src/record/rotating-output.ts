import type { Classifier } from "@portrait/classifier";
import type { TraceInfo } from "@portrait/tracer";
import { createTraceFile, RotatingTrace, type PartLimit } from "@portrait/vmm";
import { count, plural } from "../output/numbers.ts";
import { partName } from "./part-name.ts";
import type { RecordingOptions, RecordingOutput } from "./recording-output.ts";

/** A recording in several files, one after the other. */
export class RotatingOutput implements RecordingOutput {
  readonly #path: string;
  readonly trace: RotatingTrace;

  private constructor(path: string, trace: RotatingTrace) {
    this.#path = path;
    this.trace = trace;
  }

  static async create(
    info: TraceInfo,
    { output, overwrite }: RecordingOptions,
    limit: PartLimit,
    classifier: Classifier,
  ): Promise<RotatingOutput> {
    const trace = new RotatingTrace(info, limit, classifier, (part) =>
      createTraceFile(partName(output, part), { overwrite: overwrite === true }),
    );
    await trace.opened();
    return new RotatingOutput(output, trace);
  }

  get path(): string {
    return partName(this.#path, 0);
  }

  close(): Promise<void> {
    return this.trace.close();
  }

  seal(): Promise<void> {
    return this.trace.seal();
  }

  get summary(): string {
    const { parts, bytes } = this.trace.size;
    const last = partName(this.#path, parts - 1);
    const files = parts === 1 ? last : `${this.path} to ${last}`;
    return `${files}: ${plural(this.trace.nextSeq, "access", "accesses")}, ${count(bytes)} bytes`;
  }
}
