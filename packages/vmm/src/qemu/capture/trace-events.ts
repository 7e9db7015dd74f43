import { z } from "zod";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";

/** Events that show accesses, and the one by which a capture finds its own place in the log. */
const EVENTS = ["memory_region_ops_read", "memory_region_ops_write", "handle_qmp_command"] as const;

const STATES = z.array(z.object({ name: z.string(), state: z.string() }));

/** The trace events a capture needs, and the states they were found in. */
export class TraceEvents {
  readonly #client: QmpClient;
  readonly #foundOn: ReadonlySet<string>;

  private constructor(client: QmpClient, foundOn: ReadonlySet<string>) {
    this.#client = client;
    this.#foundOn = foundOn;
  }

  /** Looks at the events and changes nothing. @throws QemuError `VERSION` where QEMU lacks one. */
  static async look(client: QmpClient): Promise<TraceEvents> {
    const on = new Set<string>();
    for (const name of EVENTS) {
      const states = STATES.safeParse(await client.execute("trace-event-get-state", { name: `${name}*` })).data ?? [];
      const state = states.find((one) => one.name === name)?.state;
      if (state !== "enabled" && state !== "disabled")
        throw new QemuError("VERSION", `${client.path}: this QEMU has no trace event ${name}, so it cannot be watched`);
      if (state === "enabled") on.add(name);
    }
    return new TraceEvents(client, on);
  }

  /** Events that were on before. */
  get foundOn(): readonly string[] {
    return [...this.#foundOn];
  }

  /** Turns all on. */
  async enable(): Promise<void> {
    // The place-finder first: what the others show has a place from its first line on.
    for (const name of EVENTS.toReversed()) await this.#set(name, true);
  }

  /** Turns those off that were off, or all. */
  async restore(options: { readonly all: boolean }): Promise<void> {
    for (const name of EVENTS) if (options.all || !this.#foundOn.has(name)) await this.#set(name, false);
  }

  async #set(name: string, enable: boolean): Promise<void> {
    await this.#client.execute("trace-event-set-state", { name, enable });
  }
}
