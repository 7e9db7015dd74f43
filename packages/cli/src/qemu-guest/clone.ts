import { MigrationError, migrateLocally, QemuTarget, type MigrationReport, type SendOptions } from "@portrait/vmm";
import { messageOf } from "@portrait/tracer";
import type { QemuTargetAddress } from "../machine/qemu-address.ts";
import type { Session } from "../session.ts";
import { RecordedGuest, type RecordedQemu } from "./recorded-guest.ts";

/** A clone of a QEMU's guest on another QEMU. */
export interface QemuClone extends RecordedQemu, SendOptions {
  readonly to: QemuTargetAddress;
}

/** Makes a second guest of a QEMU's guest. Both then go on; the first also where that fails. */
export function cloneQemu(session: Session, { to, ...options }: QemuClone): Promise<MigrationReport> {
  return RecordedGuest.with(session, options, async (guest) => {
    // The original first: where both have one disk, it keeps it.
    const begin = async (clone: QemuTarget) => {
      await guest.machine.resume().catch(noClone);
      await clone.begin();
    };
    const { report, guest: clone } = await guest.whileStopped("the clone was not made", (stopped) =>
      migrateLocally(stopped, () => QemuTarget.connect(to), guest.library, options, begin),
    );
    clone.machine.close();
    return report;
  });
}

function noClone(cause: unknown): never {
  throw new MigrationError("MISMATCH", `the original does not go on: ${messageOf(cause)}`, { cause });
}
