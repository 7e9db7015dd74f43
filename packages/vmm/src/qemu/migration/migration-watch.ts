import { withLimit } from "../limit.ts";
import type { QmpClient } from "../qmp.ts";

/** How a migration is over. */
export const ENDED: ReadonlySet<string> = new Set(["none", "completed", "failed", "cancelled"]);

/** Follows a migration by the events that QEMU sends where the capability `events` is on: asked again and again, it would be known milliseconds later. */
export class MigrationWatch {
  readonly #qmp: QmpClient;
  readonly #unlisten: () => void;
  #status = "setup";
  #changed: () => void = () => undefined;

  /** To be made before the migration begins. */
  constructor(qmp: QmpClient) {
    this.#qmp = qmp;
    this.#unlisten = qmp.onEvent(({ name, data }) => {
      if (name !== "MIGRATION") return;
      this.#status = String(data["status"]);
      this.#changed();
    });
  }

  /** Waits until the migration is in this state or over, and gives which. @throws QemuError TIMEOUT saying `what` it waited for; CLOSED */
  async until(wanted: string, what: string, limitMs: number): Promise<string> {
    const there = new Promise<string>((resolve, reject) => {
      this.#changed = () => (this.#status === wanted || ENDED.has(this.#status)) && resolve(this.#status);
      this.#changed();
      void this.#qmp.ended.then(reject);
    });
    return withLimit(there, limitMs, `waited ${limitMs / 1000} s for ${what}`);
  }

  close(): void {
    this.#unlisten();
  }
}
