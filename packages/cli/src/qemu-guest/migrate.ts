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
import { letRun } from "./let-run.ts";
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
  return RecordedGuest.with(session, options, async (guest) => {
    const leave = (leaving: WatchedGuest<GuestSource> | LiveGuest) => move(leaving, guest.library, options);
    const failure = "the migration did not happen";
    const { report, begin } = await (options.precopy
      ? guest.whileRunning(failure, leave)
      : guest.whileStopped(failure, leave));
    // The source has given its guest up: whatever happens from here on, it does not run there again.
    await begin();
    return { ...report, downtimeMs: performance.now() - guest.machine.stoppedAt };
  });
}

/** A guest that has left its source, and how it begins to run where it is now. */
interface Moved {
  readonly report: MigrationReport;
  readonly begin: () => Promise<void>;
}

async function move(
  guest: WatchedGuest<GuestSource> | LiveGuest,
  library: Library,
  { to, ...options }: QemuMigration,
): Promise<Moved> {
  if (to.kind === "qemu") {
    const { report, guest: moved } = await migrateLocally(guest, () => QemuTarget.connect(to), library, options);
    return { report, begin: () => letRun(moved.machine) };
  }
  const socket = await connectTo(to);
  try {
    // The other portrait runs it.
    return { report: await sendGuest(guest, socket, options), begin: () => Promise.resolve() };
  } finally {
    socket.destroy();
  }
}
