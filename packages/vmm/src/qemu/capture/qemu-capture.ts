import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { QemuLogCounts } from "@portrait/tracer";
import { FLUSH_MS } from "../../capture/batch-feed.ts";
import { isTimeout, QemuError } from "../errors.ts";
import { withLimit } from "../limit.ts";
import type { QmpClient, QmpEvent } from "../qmp.ts";
import { QemuAttachment } from "./attachment.ts";
import { LogReader, type CaptureOptions } from "./log-reader.ts";

const SYNC_LIMIT_MS = 10_000;
/** How long a QEMU that has closed its log may take to close its control socket. */
const END_GRACE_MS = 1_000;
/** The longest time a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** When a capture's run ends, besides the end of the guest and of {@link CaptureOptions.accesses}. */
export interface CaptureLimits {
  /** Wall-clock milliseconds from now, 24 days at the most. */
  readonly wallMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Why a capture's run ended: a limit (or the file failed, which {@link QemuCapture.detach} throws), the signal, the guest was shut
 * down, QEMU is gone, or somebody else took its log.
 */
export type CaptureEnd = "limit" | "interrupted" | "shutdown" | "gone" | "taken";

/**
 * Captures every port access of a running QEMU's guest over QMP, without a restart: QEMU logs the accesses into a pipe that
 * is read here. The guest waits when the file does; no access is lost. After {@link detach} QEMU is as it was found.
 */
export class QemuCapture {
  readonly #client: QmpClient;
  readonly #reader: LogReader;
  readonly #attachment: QemuAttachment;
  readonly #end: Promise<CaptureEnd>;
  #finish: (end: CaptureEnd) => void = () => undefined;
  readonly #flush: NodeJS.Timeout;
  readonly #unlisten: () => void;
  readonly #remarks: string[];

  private constructor(client: QmpClient, reader: LogReader, attachment: QemuAttachment, enough: Promise<void>) {
    this.#client = client;
    this.#reader = reader;
    this.#attachment = attachment;
    this.#remarks = [...attachment.remarks];
    this.#end = new Promise((resolve) => {
      this.#finish = resolve;
    });
    void enough.then(() => this.#finish("limit"));
    void client.ended.then(() => this.#finish("gone"));
    void attachment.ended.then(() => this.#afterPipe());
    this.#unlisten = client.onEvent((event) => this.#take(event));
    this.#flush = setInterval(() => this.#reader.flush(), FLUSH_MS);
  }

  /** Attaches to a QEMU; where that fails it is as it was. @throws QemuError */
  static async attach(client: QmpClient, options: CaptureOptions): Promise<QemuCapture> {
    let onEnough: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => {
      onEnough = resolve;
    });
    const reader = new LogReader(options, onEnough);
    const attachment = await QemuAttachment.attach(client, (bytes) => reader.read(bytes));
    const capture = new QemuCapture(client, reader, attachment, enough);
    try {
      await capture.sync();
    } catch (error) {
      await capture.detach();
      if (!isTimeout(error)) throw error;
      const reason = `${client.path}: this QEMU logs no trace events; it needs to be built with the trace backend "log"`;
      throw new QemuError("VERSION", reason, { cause: error });
    }
    if (!reader.stamped) reader.marker("times are those of arrival: QEMU runs without -msg timestamp=on");
    return capture;
  }

  /** What QEMU's log has held so far. */
  get counts(): Readonly<QemuLogCounts> {
    return this.#reader.counts;
  }

  /** What the user should know, also where something could not be left as it was. */
  get remarks(): readonly string[] {
    return this.#remarks;
  }

  /** Waits until the capture ends by itself or a limit is met. QEMU stays attached. */
  async run({ wallMs, signal }: CaptureLimits): Promise<CaptureEnd> {
    const timer =
      wallMs === undefined ? undefined : setTimeout(() => this.#finish("limit"), Math.min(wallMs, LONGEST_MS));
    const interrupt = () => this.#finish("interrupted");
    signal?.addEventListener("abort", interrupt);
    if (signal?.aborted === true) interrupt();
    try {
      const end = await this.#end;
      // Ctrl-C in a terminal also reaches a QEMU that was started there, which then shuts down.
      return signal?.aborted === true ? "interrupted" : end;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", interrupt);
    }
  }

  /**
   * Waits until everything the guest did before this call has been handed on.
   * @throws QemuError `TIMEOUT`, `CLOSED`
   */
  async sync(): Promise<void> {
    const token = `portrait-${randomBytes(8).toString("hex")}`;
    const seen = this.#reader.line(token);
    // A question that changes nothing; QEMU logs it behind all that came before.
    await this.#client.execute("trace-event-get-state", { name: `${token}*` });
    await withLimit(seen, SYNC_LIMIT_MS, `${this.#client.path}: QEMU's log does not come through`);
    this.#reader.flush();
  }

  /** Makes QEMU as it was found, and waits for the file to have everything. @throws what the trace writer threw */
  async detach(): Promise<void> {
    this.#unlisten();
    this.#remarks.push(...(await this.#attachment.detach()));
    clearInterval(this.#flush);
    await this.#reader.end();
  }

  #take({ name }: QmpEvent): void {
    if (name === "SHUTDOWN") this.#finish("shutdown");
    if (name === "RESET") void this.#afterReset();
  }

  /** A QEMU that ends closes the pipe and its control socket, in any order. */
  async #afterPipe(): Promise<void> {
    await sleep(END_GRACE_MS, undefined, { ref: false });
    this.#finish("taken");
  }

  /** What the log held before the reset has been read by then; what it holds after it may have been, too. */
  async #afterReset(): Promise<void> {
    try {
      await this.sync();
      this.#reader.gap("the machine was reset");
    } catch {
      // The capture is at its end.
    }
  }
}
