import type { CarriedOut, ReadBackReport } from "@portrait/replayer";
import { hex, plural } from "../output/numbers.ts";

/** What a replay did. */
export interface ReplayReport {
  /** Name of the target. */
  readonly target: string;
  /** Steps of the plan. */
  readonly steps: number;
  readonly carried: CarriedOut;
  readonly verified: ReadBackReport | undefined;
}

/** The report as `portrait replay -o json` prints it. */
export function reportJson({ target, steps, carried, verified }: ReplayReport): Record<string, unknown> {
  const { accesses, drained } = carried;
  const verify = verified && {
    checked: verified.checked,
    different: verified.different.map(({ device, register, expected, actual, mask }) => ({
      device,
      register,
      expected: hex(expected),
      actual: hex(actual),
      mask: hex(mask),
    })),
  };
  return { target, steps, accesses, drained, ...(verify !== undefined && { verify }) };
}

/** The report as lines for people. */
export function reportText({ target, steps, carried, verified }: ReplayReport): string[] {
  const done = `${target}: ${plural(steps, "step")} carried out in ${plural(carried.accesses, "access", "accesses")}`;
  if (verified === undefined) return [done];
  return [
    done,
    `${plural(verified.checked, "register")} read back, ${verified.different.length} different`,
    ...verified.different.map(
      ({ device, register, expected, actual, mask }) =>
        `  ${device}.${register}: ${hex(actual)} instead of ${hex(expected)} in the bits ${hex(mask)}`,
    ),
  ];
}
