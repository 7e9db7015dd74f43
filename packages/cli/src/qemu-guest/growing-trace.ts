import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Classifier } from "@portrait/classifier";
import { memoryMappedRegion } from "@portrait/tracer";
import { UsageError } from "../errors.ts";
import { classifierFor, openClassified, type ClassifiedTrace } from "../input/classified-trace.ts";
import { isClosed } from "../input/follow.ts";
import { checkInterrupted, type Session } from "../session.ts";

const POLL_MS = 1;
const MARK_LIMIT_MS = 10_000;

/** What a trace that is being recorded says of a guest, read on as it grows. */
export class GrowingTrace {
  readonly trace: ClassifiedTrace;
  readonly classifier: Classifier;
  readonly #session: Session;
  readonly #markers = new Set<string>();

  private constructor(session: Session, trace: ClassifiedTrace) {
    this.trace = trace;
    this.classifier = classifierFor(trace);
    this.#session = session;
  }

  /** @throws UsageError where it does not hold every port, or is a pipe, whose end is waited for. */
  static async open(session: Session, path: string): Promise<GrowingTrace> {
    if (path === "-" || !(await stat(path)).isFile())
      throw new UsageError(`${path} is not a file; give the one that "portrait record --engine qemu" is writing`);
    const trace = await openClassified(session, path);
    if (trace.reader.info.ports.length === 0) return new GrowingTrace(session, trace);
    await trace.close();
    throw new UsageError(`${path} holds only some of the ports; record the guest without --ports`);
  }

  /** Regions, by QEMU's names, that the guest has reached through memory. */
  get memoryMapped(): readonly string[] {
    return [...this.#markers].flatMap((marker) => memoryMappedRegion(marker) ?? []);
  }

  /** Reads what is there. */
  async readOn(): Promise<void> {
    for await (const batch of this.trace.reader.more()) {
      checkInterrupted(this.#session);
      this.classifier.feed(batch);
      for (const { text } of batch.markers) this.#markers.add(text);
    }
  }

  /** Reads on until the recorder has written the marker. @throws UsageError where it does not. */
  async readTo(marker: string): Promise<void> {
    for (const end = performance.now() + MARK_LIMIT_MS; ; await sleep(POLL_MS)) {
      checkInterrupted(this.#session);
      await this.readOn();
      if (this.#markers.has(marker)) return;
      if (performance.now() < end && !isClosed(this.trace)) continue;
      throw new UsageError(
        `${this.trace.name} does not go on; a "portrait record --engine qemu" of this very QEMU must be writing it`,
      );
    }
  }

  close(): Promise<void> {
    return this.trace.close();
  }
}
