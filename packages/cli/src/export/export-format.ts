import type { AccessTaker } from "../access/selection.ts";
import type { ClassifiedTrace } from "../input/classified-trace.ts";
import type { Session } from "../session.ts";

/** An export that is being written. */
export interface OpenExport {
  /** Where it goes, for messages. */
  readonly name: string;
  readonly taker: AccessTaker;
  /** Writes what is left. */
  end(): Promise<void>;
  close(): Promise<void>;
  /** What the format has no way to say, in words. */
  losses(): readonly string[];
}

/** A format that traces are written in for other tools. */
export interface ExportFormat {
  /** As `--to` takes it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Opens the file `output`, or stdout for `-`; `input` is the file the trace is read from. */
  open(session: Session, trace: ClassifiedTrace, output: string, input: string): Promise<OpenExport>;
}
