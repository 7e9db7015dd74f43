import { messageOf } from "@portrait/tracer";
import { QemuError } from "../errors.ts";
import { withLimit } from "../limit.ts";
import type { QmpClient } from "../qmp.ts";
import { LogPipe, type PipeReader } from "./log-pipe.ts";
import { LogTarget, NOWHERE } from "./log-target.ts";
import { TraceEvents } from "./trace-events.ts";

const DRAIN_LIMIT_MS = 5_000;

/** A QEMU whose accesses go into a pipe of ours, and what it needs to be as it was before. */
export class QemuAttachment {
  /** Fulfilled when everything has been read and QEMU has closed the pipe or is gone. */
  readonly ended: Promise<void>;
  readonly #events: TraceEvents;
  readonly #target: LogTarget;
  readonly #pipe: LogPipe;

  private constructor(events: TraceEvents, target: LogTarget, pipe: LogPipe) {
    this.ended = pipe.ended;
    this.#events = events;
    this.#target = target;
    this.#pipe = pipe;
  }

  /** Attaches; where that fails QEMU is as it was. @throws QemuError */
  static async attach(client: QmpClient, reader: PipeReader): Promise<QemuAttachment> {
    const events = await TraceEvents.look(client);
    const pipe = await LogPipe.create(reader);
    try {
      const attachment = new QemuAttachment(events, await LogTarget.redirect(client, pipe.path), pipe);
      await attachment.#begin();
      return attachment;
    } catch (error) {
      await pipe.remove();
      throw error;
    }
  }

  /** What the user should know while this is attached. */
  get remarks(): readonly string[] {
    const { found } = this.#target;
    if (found.kind !== "file" || found.path === NOWHERE) return [];
    return [`until the end of the recording, QEMU does not log to ${found.path}`];
  }

  /**
   * Makes QEMU as it was: events off, log back, and the pipe read to its end. Gives what the user should know, also where
   * something could not be given back.
   */
  async detach(): Promise<readonly string[]> {
    const remarks = await this.#restore();
    try {
      await withLimit(
        this.ended,
        DRAIN_LIMIT_MS,
        "QEMU has not closed the pipe it logged to: what it still held is lost; recording it again puts QEMU right",
      );
    } catch (error) {
      remarks.push(messageOf(error));
    }
    await this.#pipe.remove();
    return remarks;
  }

  async #begin(): Promise<void> {
    try {
      await this.#events.enable();
      await this.#pipe.release();
    } catch (error) {
      await this.#restore();
      throw error;
    }
  }

  async #restore(): Promise<string[]> {
    try {
      await this.#events.restore({ all: this.#target.found.kind === "left over" });
      const remark = await this.#target.restore();
      return remark === undefined ? [] : [remark];
    } catch (error) {
      // A QEMU that is gone has nothing to be given back.
      if (error instanceof QemuError && error.code === "CLOSED") return [];
      return [`QEMU could not be left as it was found: ${messageOf(error)}`];
    }
  }
}
