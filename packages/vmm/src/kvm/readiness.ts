import { KvmError } from "./errors.ts";
import { findTracefs, leftOvers } from "./tracefs.ts";

/** Whether guests of this host's KVM can be captured now. */
export interface KvmReadiness {
  /** Why not, and what to do; undefined where they can. */
  readonly obstacle: KvmError | undefined;
  /** Tracing instances of portraits that were killed; the next capture removes them. */
  readonly leftOvers: readonly string[];
}

/** Looks, and changes nothing. */
export async function kvmReadiness(): Promise<KvmReadiness> {
  try {
    return { obstacle: undefined, leftOvers: await leftOvers(await findTracefs()) };
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    return { obstacle: error, leftOvers: [] };
  }
}
