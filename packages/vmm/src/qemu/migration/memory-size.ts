import { z } from "zod";
import type { QmpClient } from "../qmp.ts";

const memorySchema = z.object({ "base-memory": z.int(), "plugged-memory": z.int().default(0) });

/** A QEMU's RAM in bytes. @throws QemuError */
export async function memorySize(qmp: QmpClient): Promise<number> {
  const memory = memorySchema.parse(await qmp.execute("query-memory-size-summary"));
  return memory["base-memory"] + memory["plugged-memory"];
}
