import { writeCheckpoint, type CheckpointReport } from "@portrait/vmm";
import type { Session } from "../session.ts";
import { RecordedGuest, type RecordedQemu } from "./recorded-guest.ts";

/** A checkpoint of a QEMU's guest. */
export interface QemuCheckpoint extends RecordedQemu {
  readonly output: string;
  readonly allowUnknown: boolean;
}

/** What the checkpoint holds, and how long the guest stood still for it. */
export interface QemuCheckpointReport extends CheckpointReport {
  readonly downtimeMs: number;
}

/** Saves a QEMU's guest, which then goes on, whether or not that worked. */
export function checkpointQemu(session: Session, options: QemuCheckpoint): Promise<QemuCheckpointReport> {
  return RecordedGuest.with(session, options, async (guest) => {
    const report = await guest.whileStopped("the checkpoint was not made", (stopped) =>
      writeCheckpoint(stopped, options.output, options),
    );
    await guest.machine.resume();
    return { ...report, downtimeMs: performance.now() - guest.machine.stoppedAt };
  });
}
