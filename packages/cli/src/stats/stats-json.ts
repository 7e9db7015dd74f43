import type { TraceInfo } from "@portrait/tracer";
import { nanosecondsOf } from "../quantities.ts";
import { hex } from "../output/numbers.ts";
import type { TraceStats } from "./trace-stats.ts";

/** What is known of a trace besides its accesses. */
export interface TraceFacts {
  readonly name: string;
  readonly info: TraceInfo;
  /** Bytes of the file; undefined where not known. */
  readonly bytes: number | undefined;
}

/** The statistics as `portrait stats -o json` prints them. */
export function statsJson(stats: TraceStats, { info, bytes }: TraceFacts): Record<string, unknown> {
  const uncovered = stats.uncovered();
  return {
    accesses: stats.accesses,
    strings: stats.strings,
    durationNs: duration(stats),
    perSecond: perSecond(stats),
    ...(bytes !== undefined && { bytes, bytesPerAccess: bytes / Math.max(1, stats.accesses) }),
    clock: info.clock,
    fromReset: info.fromReset,
    machine: info.machine,
    command: info.command,
    markers: stats.markers,
    gaps: { count: stats.gaps, lost: stats.lost },
    verdicts: stats.verdicts(),
    ambiguous: stats.ambiguous,
    registers: stats.registers(),
    polls: stats.polls().map((loop) => ({ ...loop, port: hex(loop.port) })),
    uncovered: {
      accesses: uncovered.reduce((sum, { count }) => sum + count, 0),
      ports: uncovered.map((one) => ({ ...one, port: hex(one.port) })),
    },
  };
}

/** Nanoseconds from the first to the last access. */
export function duration(stats: TraceStats): number {
  return stats.lastTime - stats.firstTime;
}

/** Accesses per second over the whole trace; undefined without a clock. */
export function perSecond(stats: TraceStats): number | undefined {
  return duration(stats) > 0 ? (stats.accesses * nanosecondsOf.s) / duration(stats) : undefined;
}
