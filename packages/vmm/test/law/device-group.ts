import fc, { type Arbitrary } from "fast-check";
import { v86Differences, type V86Difference } from "../../src/v86/deviations.ts";
import { out, read, type PortAccess } from "../../src/fuzz/accesses.ts";

/** Which accesses are meant: those with `(value & mask) === match`. */
export type AccessPattern = Pick<V86Difference, "direction" | "ports" | "mask" | "match">;

/** Where v86 does less than the hardware: what the harness does on both machines to make up for it. */
export interface Completion {
  readonly why: string;
  /** For a machine just reset: what to write after each access it is told of. */
  readonly start: () => (access: PortAccess) => readonly PortAccess[];
}

/** Accesses that sequences do not have, because v86 cannot judge what follows them. */
export interface Avoidance {
  readonly why: string;
  readonly without: (accesses: readonly PortAccess[]) => readonly PortAccess[];
}

/** Fields that are not compared after some sequences, because v86 does something else there than the hardware. */
export interface Excuse {
  readonly why: string;
  /** Paths of the fields, `*` standing for any run of characters; none where the sequence gives no reason. */
  readonly fields: (accesses: readonly PortAccess[]) => readonly string[];
}

/** Devices that are held to the central law together: how their ports are used, and what v86 can judge. */
export interface DeviceGroup {
  readonly name: string;
  /** Paths of v86's fields that are judged. */
  readonly fields: readonly string[];
  /** Ports that random accesses go to. */
  readonly ports: readonly number[];
  /** What every sequence begins with, where v86 comes out of power-on as no hardware does. */
  readonly prefix: readonly PortAccess[];
  /** Runs of accesses as drivers make them. */
  readonly pieces: Arbitrary<readonly PortAccess[]>;
  readonly avoided: readonly Avoidance[];
  readonly completions: readonly Completion[];
  readonly excuses: readonly Excuse[];
  /** Deviations of v86 as a whole that do not show in this group: their fields are held to the law. */
  readonly heldInFull: readonly string[];
  /** Registers, `device.register`, that may be unknown although everything was watched. */
  readonly unknown: readonly string[];
  /** Fields that are never compared, or that no sequence moves; the elements of an array are one, `pit.counter_mode[]`. */
  readonly idle: readonly string[];
}

/** What a group has where it says nothing else. */
export const plainGroup: Omit<DeviceGroup, "name" | "fields" | "ports" | "pieces"> = {
  prefix: [],
  avoided: [],
  completions: [],
  excuses: [],
  heldInFull: [],
  unknown: [],
  idle: [],
};

/** Any byte. */
export const byte = fc.integer({ min: 0, max: 0xff });

/** One of the values in most cases, else any byte. */
export function mostly(...values: readonly number[]): Arbitrary<number> {
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: byte });
}

/** The sequences a group is tried with: runs of accesses and random ones between, a few dropped, swapped or changed. */
export function sequences(group: DeviceGroup): Arbitrary<readonly PortAccess[]> {
  const random = fc
    .tuple(fc.constantFrom(...group.ports), byte, fc.integer({ min: 0, max: 3 }))
    .map(([port, value, kind]): readonly PortAccess[] => [kind === 0 ? read(port) : out(port, value)]);
  const run = fc.oneof({ weight: 4, arbitrary: group.pieces }, { weight: 1, arbitrary: random });
  const mutation = fc.record({ at: fc.nat(30), kind: fc.constantFrom("drop", "swap", "change", "cut"), value: byte });
  return fc.tuple(fc.array(run, { maxLength: 14 }), fc.array(mutation, { maxLength: 2 })).map(([runs, mutations]) => {
    return mutations.reduce<readonly PortAccess[]>(mutate, runs.flat());
  });
}

function mutate(
  accesses: readonly PortAccess[],
  { at, kind, value }: { readonly at: number; readonly kind: string; readonly value: number },
): readonly PortAccess[] {
  const [one, next] = [accesses[at], accesses[at + 1]];
  if (one === undefined) return accesses;
  if (kind === "cut") return accesses.slice(0, at);
  if (kind === "drop") return accesses.toSpliced(at, 1);
  if (kind === "change") return accesses.toSpliced(at, 1, { ...one, value });
  return next === undefined ? accesses : accesses.toSpliced(at, 2, next, one);
}

/** True when the access is one of those meant. */
export function meets({ direction, ports, mask, match }: AccessPattern, access: PortAccess): boolean {
  return access.direction === direction && ports.includes(access.port) && (access.value & mask) === match;
}

/** The difference that is listed for these accesses. */
export function difference(direction: "in" | "out", port: number, mask: number, match: number): V86Difference {
  const found = v86Differences.find(
    (one) => one.direction === direction && one.ports.includes(port) && one.mask === mask && one.match === match,
  );
  if (found === undefined)
    throw new Error(`v86Differences has no ${direction} ${port.toString(16)}h with this pattern`);
  return found;
}

/** Leaves out the accesses on which v86 differs. */
export function avoid(one: V86Difference): Avoidance {
  return {
    why: `${one.hardware}; v86: ${one.v86}`,
    without: (accesses) => accesses.filter((access) => !meets(one, access)),
  };
}

/** Does not compare the fields that come out differently because of an access on which v86 differs. */
export function excuse(one: V86Difference): Excuse {
  return {
    why: `${one.hardware}; v86: ${one.v86}`,
    fields: (accesses) => (accesses.some((access) => meets(one, access)) ? one.fields : []),
  };
}
