import { QemuTarget, restoreCheckpoint, type DestinationResult } from "@portrait/vmm";
import { libraryFor } from "../input/library.ts";
import type { QemuTargetAddress } from "../machine/qemu-address.ts";
import { warn, type Session } from "../session.ts";

/** A checkpoint to be restored on a QEMU. */
export interface QemuRestore {
  readonly file: string;
  readonly to: QemuTargetAddress;
  readonly allowDifferent: boolean;
}

/** Lets a saved guest go on on a QEMU. */
export async function restoreQemu(
  session: Session,
  { file, to, allowDifferent }: QemuRestore,
): Promise<DestinationResult> {
  const { devices, signal } = session;
  const library = await libraryFor(devices);
  const guest = await restoreCheckpoint(file, () => QemuTarget.connect(to), library, { allowDifferent, signal });
  try {
    await guest.machine.begin();
  } catch (error) {
    await guest.machine.destroy();
    throw error;
  }
  guest.machine.close();
  await warn(session, `${guest.name} runs on ${to.qmp} now`);
  return guest.result;
}
