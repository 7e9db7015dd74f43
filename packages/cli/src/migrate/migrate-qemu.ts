import type { Library } from "@portrait/classifier";
import {
  MigrationError,
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
    const start = performance.now();
    const { report, begin } = await whileStopped(session, source, async () => {
      await trace.readTo(await source.mark());
      const name = trace.trace.reader.info.machine.guest;
      return move({ machine: source, classifier: trace.classifier, name }, trace.trace.library, options);
    });
    // The source has given its guest up: whatever happens from here on, it does not run there again.
    await begin();
    return { ...report, downtimeMs: performance.now() - start };
  } finally {
    source.close();
    await trace.close();
  }
}

/** A guest that has left its source, and how it begins to run where it is now. */
interface Moved {
  readonly report: MigrationReport;
  readonly begin: () => Promise<void>;
}

/** Stops the guest and lets `use` take it away; it goes on where that fails. */
async function whileStopped(session: Session, source: QemuSource, use: () => Promise<Moved>): Promise<Moved> {
  try {
    await source.stop();
    return await use();
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
): Promise<Moved> {
  if (to.kind === "qemu") {
    const { report, guest: moved } = await migrateLocally(guest, () => QemuTarget.connect(to), library, options);
    return { report, begin: () => begin(moved.machine) };
  }
  const socket = await connectTo(to);
  try {
    // The other portrait runs it.
    return { report: await sendGuest(guest, socket, options), begin: () => Promise.resolve() };
  } finally {
    socket.destroy();
  }
}

async function begin(machine: QemuTarget): Promise<void> {
  try {
    await machine.run();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MigrationError(
      "PEER",
      `the guest has left its source, but its destination did not start it (${reason}); look there, and say cont`,
      { cause },
    );
  } finally {
    machine.close();
  }
}
