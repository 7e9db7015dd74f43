import type { DevicePair, FieldAllowance } from "../machine.ts";
import { compareDevices, type DeviceComparison } from "./compare-devices.ts";

/** How many fields of one device were compared, and what came of it. */
export interface DeviceCounts {
  readonly device: string;
  readonly fields: number;
  readonly equal: number;
  readonly unreachable: number;
  readonly different: number;
}

/** Outcome of comparing two device-state dumps, all in all and for each device. */
export interface DumpComparison extends DeviceComparison {
  readonly devices: readonly DeviceCounts[];
}

/** Of a device whose fields are all alike. */
const NONE: DeviceComparison = { fields: 0, equal: 0, unreachable: [], different: [] };

/** Compares two dumps device by device. */
export function comparePairs(pairs: readonly DevicePair[], allowances: readonly FieldAllowance[]): DumpComparison {
  const compared = pairs.map(({ device, source, destination, alike }) => {
    const listed = source.length + destination.length > 0;
    const comparison = listed ? compareDevices(source, destination, allowances) : NONE;
    return { ...comparison, device, fields: comparison.fields + alike, equal: comparison.equal + alike };
  });
  const sum = (count: (one: DeviceComparison) => number) => compared.reduce((all, one) => all + count(one), 0);
  return {
    fields: sum(({ fields }) => fields),
    equal: sum(({ equal }) => equal),
    unreachable: compared.flatMap(({ unreachable }) => unreachable),
    different: compared.flatMap(({ different }) => different),
    devices: compared.map(({ device, fields, equal, unreachable, different }) => ({
      ...{ device, fields, equal },
      ...{ unreachable: unreachable.length, different: different.length },
    })),
  };
}
