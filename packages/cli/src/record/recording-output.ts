import type { TraceWriter } from "@portrait/tracer";
import type { PartLimit } from "@portrait/vmm";
import type { PortRange } from "../machine/port-ranges.ts";

/** Where a recording goes. */
export interface RecordingOptions {
  readonly output: string;
  readonly ports?: readonly PortRange[];
  readonly overwrite?: true;
  /** Bytes of the newest part, which alone is kept. */
  readonly ring?: number;
  /** When another file is begun. */
  readonly rotate?: PartLimit;
}

/** A trace on its way to one file or several. */
export interface RecordingOutput {
  /** File that is there from the start. */
  readonly path: string;
  /** Takes every access. */
  readonly trace: Pick<TraceWriter, "write" | "flush">;
  /** Writes the end of the trace. */
  close(): Promise<void>;
  /** Makes sure that what was written is on the disk; to be called in any case. */
  seal(): Promise<void>;
  /** File, accesses and size in words. */
  readonly summary: string;
}
