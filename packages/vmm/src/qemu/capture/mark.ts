import { randomBytes } from "node:crypto";
import type { QmpClient } from "../qmp.ts";

/** What a mark looks like in QEMU's log, and as a marker in a trace. */
export const MARK = /\bportrait-mark-[0-9a-f]{16}\b/;

/**
 * Has QEMU write a mark into its log: whoever captures it puts a marker of this text into the trace, behind everything the
 * guest did before. Nothing of QEMU changes. Gives the mark.
 * @throws QemuError
 */
export async function markLog(qmp: QmpClient): Promise<string> {
  const mark = `portrait-mark-${randomBytes(8).toString("hex")}`;
  await qmp.execute("trace-event-get-state", { name: `${mark}*` });
  return mark;
}
