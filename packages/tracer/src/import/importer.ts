import type { BatchBuilder } from "../batch.ts";
import type { ClockUnit } from "../info.ts";
import type { LineCounts, LineOptions } from "./lines/line-reader.ts";

/** Something that a log holds and the trace made of it does not. */
export interface LeftOut {
  readonly count: number;
  /** What, in words that follow the number: `accesses to memory`. */
  readonly what: string;
}

/** Reads another tool's log from pieces of bytes and puts its accesses, markers and gaps into a {@link BatchBuilder}. */
export interface Importer {
  readonly counts: Readonly<LineCounts>;
  /** Reads the next piece. Throws only what {@link LineOptions.malformed} throws. */
  push(piece: Uint8Array): void;
  /** Takes what came last as a line, though it had no line end. */
  end(): void;
  /** What has been left out so far; nothing where all of the log is in the trace. */
  leftOut(): readonly LeftOut[];
}

/** What a line tells of the log it stands in. */
export interface LogFacts {
  /** Unit of its times; `none` where it has none. */
  readonly clock: ClockUnit;
  /** Wall-clock time of its first line, nanoseconds since 1970, where it tells. */
  readonly startedAt?: bigint;
}

/** A format that can be imported. */
export interface ImportFormat {
  /** As `--from` takes it. */
  readonly name: string;
  /** For people: `QEMU's trace log`. */
  readonly title: string;
  /** What {@link MachineInventory.engine} says of a trace made from it; empty where the format is of no engine. */
  readonly engine: string;
  /** True where the machines it is taken from decode the PIC's alias ports. */
  readonly decodesAliases: boolean;
  /** What a line tells of the log; undefined where it is not of this format. No line is of two formats. */
  recognise(line: string): LogFacts | undefined;
  /** Begins to read a log, which the facts are of. */
  open(builder: BatchBuilder, options: LineOptions, facts: LogFacts): Importer;
}
