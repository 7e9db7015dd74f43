import type { Library } from "@portrait/classifier";
import {
  migrateLocally,
  QemuSource,
  QemuTarget,
  sendGuest,
  type MigrationReport,
  type SendOptions,
  type WatchedGuest,
} from "@portrait/vmm";
import { UsageError } from "../errors.ts";
import { connectTo, type Address } from "../machine/address.ts";
import type { QemuAddress, QemuTargetAddress } from "../machine/qemu-address.ts";
import { warn, type Session } from "../session.ts";
import { GrowingTrace } from "./growing-trace.ts";

/** Where a QEMU's guest goes: another QEMU, or a portrait receive. */
export type QemuDestination = QemuTargetAddress | Address;

/** A migration away from a QEMU. */
export interface QemuMigration extends SendOptions {
  readonly from: QemuAddress;
  readonly to: QemuDestination;
  /** File a recorder of the source is writing. */
  readonly trace: string | undefined;
}

/**
 * Migrates a QEMU's guest; it runs at its destination then, and stands still at its source. Where that fails, it goes on
 * at its source.
 */
export async function migrateQemu(session: Session, options: QemuMigration): Promise<MigrationReport> {
  if (options.trace === undefined) {
    throw new UsageError('say with --trace which file "portrait record --engine qemu" writes of this QEMU');
  }
  const trace = await GrowingTrace.open(session, options.trace);
  const source = await QemuSource.connect(options.from).catch(async (error: unknown) => {
    await trace.close();
    throw error;
  });
  try {
    // What was recorded so far is read while the guest runs.
    await trace.readTo(await source.mark());
    return await whileStopped(session, source, async () => {
      await trace.readTo(await source.mark());
      const name = trace.trace.reader.info.machine.guest;
      return move({ machine: source, classifier: trace.classifier, name }, trace.trace.library, options);
    });
  } finally {
    source.close();
    await trace.close();
  }
}

/** Stops the guest for as long as `use` takes; it goes on where that fails. */
async function whileStopped(
  session: Session,
  source: QemuSource,
  use: () => Promise<MigrationReport>,
): Promise<MigrationReport> {
  const start = performance.now();
  try {
    await source.stop();
    const report = await use();
    return { ...report, downtimeMs: performance.now() - start };
  } catch (error) {
    const goesOn = await source.resume().then(
      () => "the migration did not happen; the guest goes on on the source",
      () => "the migration did not happen, and the source does not answer",
    );
    await warn(session, goesOn);
    throw error;
  }
}

async function move(
  guest: WatchedGuest<QemuSource>,
  library: Library,
  { to, ...options }: QemuMigration,
): Promise<MigrationReport> {
  if (to.kind === "qemu") {
    const { report, guest: moved } = await migrateLocally(guest, () => QemuTarget.connect(to), library, options);
    await moved.machine.run();
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
