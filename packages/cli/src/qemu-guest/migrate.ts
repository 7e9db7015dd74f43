import type { Library } from "@portrait/classifier";
import {
  migrateLocally,
  QemuTarget,
  sendGuest,
  type GuestSource,
  type LiveGuest,
  type MigrationReport,
  type SendOptions,
  type WatchedGuest,
} from "@portrait/vmm";
import { connectTo, type Address } from "../machine/address.ts";
import type { QemuTargetAddress } from "../machine/qemu-address.ts";
import type { Session } from "../session.ts";
import { RecordedGuest, type RecordedQemu } from "./recorded-guest.ts";

/** Where a QEMU's guest goes: another QEMU, or a portrait receive. */
export type QemuDestination = QemuTargetAddress | Address;

/** A migration away from a QEMU. */
export interface QemuMigration extends RecordedQemu, SendOptions {
  /** Most of the memory leaves while the guest runs. */
  readonly precopy: boolean;
  readonly to: QemuDestination;
}

/**
 * Migrates a QEMU's guest; it runs at its destination then, and stands still at its source. Where that fails, it goes on
 * at its source.
 */
export function migrateQemu(session: Session, options: QemuMigration): Promise<MigrationReport> {
  return RecordedGuest.with(session, options, (guest) => {
    const leave = (leaving: WatchedGuest<GuestSource> | LiveGuest) => move(leaving, guest.library, options);
    const failure = "the migration did not happen";
    return options.precopy ? guest.whileRunning(failure, leave) : guest.whileStopped(failure, leave);
  });
}

async function move(
  guest: WatchedGuest<GuestSource> | LiveGuest,
  library: Library,
  { to, ...options }: QemuMigration,
): Promise<MigrationReport> {
  if (to.kind === "qemu") {
    const { report, guest: moved } = await migrateLocally(guest, () => QemuTarget.connect(to), library, options);
    moved.machine.close();
    return report;
  }
  const socket = await connectTo(to);
  try {
    return await sendGuest(guest, socket, options);
  } finally {
    socket.destroy();
  }
}
