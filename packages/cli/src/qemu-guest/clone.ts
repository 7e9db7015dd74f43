import { migrateLocally, QemuTarget, type MigrationReport, type SendOptions } from "@portrait/vmm";
import type { QemuTargetAddress } from "../machine/qemu-address.ts";
import type { Session } from "../session.ts";
import { letRun } from "./let-run.ts";
import { RecordedGuest, type RecordedQemu } from "./recorded-guest.ts";

/** A clone of a QEMU's guest on another QEMU. */
export interface QemuClone extends RecordedQemu, SendOptions {
  readonly to: QemuTargetAddress;
}

/** Makes a second guest of a QEMU's guest. Both then go on; the first also where that fails. */
export function cloneQemu(session: Session, { to, ...options }: QemuClone): Promise<MigrationReport> {
  return RecordedGuest.with(session, options, async (guest) => {
    const { report, guest: clone } = await guest.whileStopped("the clone was not made", (stopped) =>
      migrateLocally(stopped, () => QemuTarget.connect(to), guest.library, options),
    );
    try {
      await guest.machine.resume();
    } finally {
      await letRun(clone.machine);
    }
    return { ...report, downtimeMs: performance.now() - guest.machine.stoppedAt };
  });
}
