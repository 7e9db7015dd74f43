import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";

const POLL_MS = 1;

const runStateSchema = z.object({ status: z.string() });

/** QEMU's run state: `running`, `paused`, `inmigrate`, `postmigrate`, … @throws QemuError */
export async function runState(qmp: QmpClient): Promise<string> {
  return runStateSchema.parse(await qmp.execute("query-status")).status;
}

const migrationSchema = z.object({
  status: z.string().default("none"),
  "error-desc": z.string().optional(),
  ram: z.object({ remaining: z.number(), "dirty-sync-count": z.number() }).optional(),
});

/** How far QEMU's last migration is. */
export interface MigrationState {
  /** `none`, `setup`, `active`, `pre-switchover`, `completed`, `failed`, … */
  readonly status: string;
  /** Why it failed. */
  readonly reason: string | undefined;
  /** Bytes of memory that are still to be sent of this round. */
  readonly remaining: number;
  /** How often what the guest had written to was looked up: once for each round. */
  readonly rounds: number;
}

/** How far QEMU's last migration is. @throws QemuError */
export async function migrationState(qmp: QmpClient): Promise<MigrationState> {
  const { status, "error-desc": reason, ram } = migrationSchema.parse(await qmp.execute("query-migrate"));
  return { status, reason, remaining: ram?.remaining ?? 0, rounds: ram?.["dirty-sync-count"] ?? 0 };
}

/** Asks until the answer is there. @throws QemuError TIMEOUT saying `what` it waited for. */
export async function pollUntil<T>(ask: () => Promise<T | undefined>, what: string, limitMs: number): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new QemuError("TIMEOUT", `waited ${limitMs / 1000} s for ${what}`);
    await sleep(POLL_MS);
  }
}
