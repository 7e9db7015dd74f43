import { BatchBuilder, QemuLog, type AccessBatch, type QemuLogCounts } from "@portrait/tracer";
import { BatchFeed, type RecorderOutputs } from "../../capture/batch-feed.ts";
import { MARK } from "./mark.ts";

/** What a capture is made with. */
export interface CaptureOptions extends RecorderOutputs {
  /** Wall-clock time of the trace's time 0, milliseconds since 1970. */
  readonly startedAt: number;
  /** The capture ends with this access, counted from 1, and hands on none after it. */
  readonly accesses?: number;
}

/** Makes batches of what QEMU logs and hands them on. */
export class LogReader {
  readonly #feed: BatchFeed;
  readonly #builder: BatchBuilder;
  readonly #log: QemuLog;
  readonly #startedAt: number;
  readonly #most: number;
  readonly #onEnough: () => void;
  readonly #awaited = new Map<string, () => void>();
  #stamped = false;

  /** `onEnough` is called when nothing more can be handed on: there are enough accesses, or the file has failed. */
  constructor(options: CaptureOptions, onEnough: () => void) {
    this.#feed = new BatchFeed(options);
    this.#builder = new BatchBuilder((batch) => this.#take(batch));
    this.#startedAt = options.startedAt;
    this.#most = options.accesses ?? Infinity;
    this.#onEnough = onEnough;
    this.#log = new QemuLog(this.#builder, {
      originMicros: options.startedAt * 1000,
      other: (line) => this.#passOver(line),
    });
  }

  /** What the log has held so far. */
  get counts(): Readonly<QemuLogCounts> {
    return this.#log.counts;
  }

  /** True when QEMU stamps its lines. Known once a line has been awaited. */
  get stamped(): boolean {
    return this.#stamped;
  }

  /** Reads the next piece of the log. Gives a promise where no more should come before it is fulfilled. */
  read(bytes: Uint8Array): Promise<void> | undefined {
    this.#log.push(bytes, this.#now());
    return this.#feed.mustWait ? this.#feed.settle().catch(this.#onEnough) : undefined;
  }

  /** Fulfilled once a line that is not an access, and holds this text, has been read. */
  line(text: string): Promise<void> {
    return new Promise((resolve) => this.#awaited.set(text, resolve));
  }

  /** Puts a remark for people after what has been read. */
  marker(text: string): void {
    this.#builder.marker(this.#now(), text);
  }

  /** Says that something happened to the registers that no access shows. */
  gap(reason: string): void {
    this.#builder.gap(this.#now(), reason);
  }

  /** Hands on what has been read. */
  flush(): void {
    this.#builder.flush();
    this.#feed.flush();
  }

  /** Hands on the rest, and waits for the file. @throws what the trace writer threw */
  async end(): Promise<void> {
    this.#log.end();
    this.flush();
    await this.#feed.settle();
  }

  #take(batch: AccessBatch): void {
    const room = this.#most - batch.firstSeq;
    if (room <= 0) return;
    this.#feed.take(batch.length < room ? batch : headOf(batch, room));
    if (batch.length >= room) this.#onEnough();
  }

  #passOver(line: string): void {
    const mark = MARK.exec(line)?.[0];
    if (mark !== undefined) {
      this.marker(mark);
      this.flush();
    }
    for (const [text, seen] of this.#awaited) {
      if (!line.includes(text)) continue;
      this.#awaited.delete(text);
      this.#stamped = /^\d/.test(line);
      seen();
    }
  }

  /** Nanoseconds since the start of the trace. */
  #now(): number {
    return Math.max(0, Math.round((performance.timeOrigin + performance.now() - this.#startedAt) * 1e6));
  }
}

/** The first rows of a batch. QEMU shows every element of a string instruction as an access, so there are no strings. */
function headOf(batch: AccessBatch, length: number): AccessBatch {
  const before = ({ index }: { readonly index: number }) => index <= length;
  return { ...batch, length, markers: batch.markers.filter(before), gaps: batch.gaps.filter(before) };
}
