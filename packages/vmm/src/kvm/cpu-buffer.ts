import { closeSync, constants, openSync, readSync } from "node:fs";
import { codeOf } from "../host/error-code.ts";
import { get } from "./tracefs.ts";

/** What the kernel has counted for one CPU. */
export interface CpuLosses {
  /** Entries overwritten before they were read. */
  readonly overrun: number;
  /** Entries that never were in the buffer. */
  readonly dropped: number;
}

/** One CPU's ring buffer in the kernel. Reading takes entries out of it. */
export class CpuBuffer {
  readonly #folder: string;
  readonly #file: number;

  /** `folder`: the CPU's in a tracefs instance. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#file = openSync(`${folder}/trace_pipe_raw`, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** Fills `page` with the next page; gives its bytes, 0 where there is none now. */
  read(page: Buffer): number {
    try {
      return readSync(this.#file, page, 0, page.length, null);
    } catch (error) {
      if (codeOf(error) === "EAGAIN") return 0;
      throw error;
    }
  }

  /** What was lost so far. @throws KvmError `TRACEFS` */
  async losses(): Promise<CpuLosses> {
    const stats = await get(`${this.#folder}/stats`);
    const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, "m").exec(stats)?.[1] ?? 0);
    return { overrun: number("overrun"), dropped: number("commit overrun") + number("dropped events") };
  }

  close(): void {
    closeSync(this.#file);
  }
}
