import type { ClockUnit } from "../info.ts";

const UNITS: readonly ClockUnit[] = ["us", "ns", "none"];

/** Nanoseconds in one unit of a clock; 0 where there is no clock. */
export function nanosecondsIn(clock: ClockUnit): number {
  return clock === "us" ? 1000 : clock === "ns" ? 1 : 0;
}

/** Number of a clock unit in the format. */
export function clockNumber(clock: ClockUnit): number {
  return UNITS.indexOf(clock);
}

/** Clock unit of a number in the format. Throws RangeError for a number of a later version. */
export function clockOf(number: number): ClockUnit {
  const clock = UNITS[number];
  if (clock === undefined) throw new RangeError(`unknown clock unit ${number}`);
  return clock;
}
