import { z } from "zod";
import type { QmpClient } from "../qmp.ts";

/** First version whose emulated processors tell of every write (March 2024, "physmem: Fix migration dirty bitmap coherency with TCG memory access"). */
const SOUND_EMULATION = 9;
const kvmSchema = z.object({ enabled: z.boolean() });

/**
 * True where QEMU may look up, while its guest runs, what the guest has written since it looked last. Where an older QEMU emulates the
 * processors, they go on writing through what they cached of a page before the look-up, and these writes are never sent.
 * @throws QemuError
 */
export async function seesEveryWrite(qmp: QmpClient): Promise<boolean> {
  return qmp.version.major >= SOUND_EMULATION || kvmSchema.parse(await qmp.execute("query-kvm")).enabled;
}
