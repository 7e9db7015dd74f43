import type { ClockUnit } from "../info.ts";

/** What the index says of a chunk. Times in units of the chunk's clock. */
export interface ChunkFacts {
  readonly firstSeq: number;
  readonly count: number;
  readonly clock: ClockUnit;
  readonly baseTime: number;
  /** Latest time of an access, a marker or a gap. */
  readonly maxTime: number;
  /** Ports accessed, as inclusive runs in ascending order. */
  readonly ports: readonly (readonly [first: number, last: number])[];
  /** Sixteen hexadecimal digits; equal digests mean equal accesses but for their times. */
  readonly digest: string;
}

/** The runs of consecutive numbers among `ports`, which get sorted. */
export function portRuns(ports: Uint16Array): [first: number, last: number][] {
  const runs: [number, number][] = [];
  let last = -2;
  for (const port of ports.sort()) {
    const run = runs.at(-1);
    if (run !== undefined && port <= last + 1) run[1] = port;
    else runs.push([port, port]);
    last = port;
  }
  return runs;
}
