import { qemuStatus, type QmpClient } from "@portrait/vmm";
import { InterruptedError, UsageError } from "../errors.ts";
import { endText, whileCaptured } from "../record/record-qemu.ts";
import type { Session } from "../session.ts";

/** A QEMU's guest, and the new file into which it is recorded for so long before it is used. */
export interface OwnRecording {
  readonly client: QmpClient;
  readonly trace: string;
  readonly recordMs: number;
}

/**
 * Records a guest for a time, from its first instruction on where it has not run, and lets `use` have it while it is recorded on.
 * @throws UsageError where there is no guest any more by then
 */
export async function recordedHere<T>(
  session: Session,
  { client, trace, recordMs }: OwnRecording,
  use: () => Promise<T>,
): Promise<T> {
  const { fresh } = await qemuStatus(client);
  const options = { output: trace, clock: "us" } as const;
  const { result } = await whileCaptured(session, options, { client, name: client.path }, async (capture) => {
    if (fresh) await client.execute("cont");
    const end = await capture.run({ signal: session.signal, wallMs: recordMs });
    if (end === "interrupted") throw new InterruptedError("interrupted");
    if (end !== "limit") throw new UsageError(`${client.path}: ${endText(end)}`);
    return use();
  });
  return result;
}
