import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";

const POLL_MS = 2;

const runStateSchema = z.object({ status: z.string() });

/** QEMU's run state: `running`, `paused`, `inmigrate`, `postmigrate`, … @throws QemuError */
export async function runState(qmp: QmpClient): Promise<string> {
  return runStateSchema.parse(await qmp.execute("query-status")).status;
}

const migrationSchema = z.object({ status: z.string().default("none"), "error-desc": z.string().optional() });

/** How far QEMU's last migration is: `none`, `active`, `completed`, `failed`, …, and why it failed. @throws QemuError */
export async function migrationState(qmp: QmpClient): Promise<{ status: string; reason: string | undefined }> {
  const { status, "error-desc": reason } = migrationSchema.parse(await qmp.execute("query-migrate"));
  return { status, reason };
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
