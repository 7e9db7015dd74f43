import type { Classifier } from "@portrait/classifier";
import { messageOf, type TraceInfo } from "@portrait/tracer";
import { createTraceFile, TraceRing, type TraceFile } from "@portrait/vmm";
import { count, plural } from "../output/numbers.ts";
import { warn, type Session } from "../session.ts";
import { partName } from "./part-name.ts";
import type { RecordingOptions, RecordingOutput } from "./recording-output.ts";

/** A recording of which the newest part is kept in memory, and saved when it is asked for and at the end. */
export class RingOutput implements RecordingOutput {
  readonly #session: Session;
  readonly #options: RecordingOptions;
  /** Of the end. It is made at the start, so that nothing stands in its place then. */
  readonly #file: TraceFile;
  readonly trace: TraceRing;
  readonly #unlisten: () => void;
  #saves = 0;
  #saving: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(session: Session, options: RecordingOptions, file: TraceFile, ring: TraceRing) {
    this.#session = session;
    this.#options = options;
    this.#file = file;
    this.trace = ring;
    this.#unlisten = session.onSaveRequest(() => {
      this.#saving = this.#saving.then(() => this.#saveNow());
    });
  }

  static async create(
    session: Session,
    info: TraceInfo,
    options: RecordingOptions,
    limit: number,
    classifier: Classifier,
  ): Promise<RingOutput> {
    const file = await createTraceFile(options.output, { overwrite: options.overwrite === true });
    return new RingOutput(session, options, file, new TraceRing(info, limit, classifier));
  }

  get path(): string {
    return this.#options.output;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unlisten();
    await this.#saving;
    await this.trace.save(this.#file.sink);
  }

  /** What ended the recording may be what it was kept for: the newest part is saved also where it was not closed. */
  async seal(): Promise<void> {
    try {
      if (!this.#closed) await this.close();
    } finally {
      await this.#file.seal();
    }
  }

  get summary(): string {
    return this.#summaryOf(this.path);
  }

  #summaryOf(path: string): string {
    const { firstSeq, nextSeq, bytes } = this.trace;
    const kept = plural(nextSeq - firstSeq, "access", "accesses");
    return `${path}: the last ${kept} of ${count(nextSeq)}, ${count(bytes)} bytes`;
  }

  /** A save that fails must not end the recording. */
  async #saveNow(): Promise<void> {
    const path = partName(this.path, this.#saves++);
    try {
      const file = await createTraceFile(path, { overwrite: this.#options.overwrite === true });
      try {
        await this.trace.save(file.sink);
      } finally {
        await file.seal();
      }
      await warn(this.#session, `saved ${this.#summaryOf(path)}`);
    } catch (error) {
      await warn(this.#session, `not saved: ${messageOf(error)}`);
    }
  }
}
