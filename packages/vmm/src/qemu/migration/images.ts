import { z } from "zod";
import type { QmpClient } from "../qmp.ts";

const drivesSchema = z.array(z.object({ inserted: z.unknown().optional() }));

/** True where some drive of a QEMU has an image, or other medium. @throws QemuError */
export async function hasImages(qmp: QmpClient): Promise<boolean> {
  return drivesSchema.parse(await qmp.execute("query-block")).some(({ inserted }) => inserted !== undefined);
}
