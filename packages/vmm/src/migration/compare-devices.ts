import type { Library } from "@portrait/classifier";
import type { DeviceField, FieldAllowance } from "../machine.ts";

/** A field that differs, and why it may. */
export interface AllowedDifference {
  readonly path: string;
  /** Undefined: that side has no such field. */
  readonly source?: DeviceField["value"] | undefined;
  readonly destination?: DeviceField["value"] | undefined;
  readonly why: string;
}

/** A field that differs and should not; `why` where nothing could have made it equal. */
export type Difference = Omit<AllowedDifference, "why"> & { readonly why?: string | undefined };

/** Outcome of comparing two device-state dumps of one engine. */
export interface DeviceComparison {
  /** Fields compared. */
  readonly fields: number;
  readonly equal: number;
  /** Fields that differ for a documented reason. */
  readonly unreachable: readonly AllowedDifference[];
  /** Fields that differ and should not. */
  readonly different: readonly Difference[];
}

/**
 * What may differ on an engine: what the descriptions list as unreachable, and where the engine deviates from hardware.
 * @param judged whether it is a plan that did all a plan can, or a guest that is to go on
 */
export function allowancesFor(
  library: Library,
  engine: string,
  own: readonly FieldAllowance[],
  judged: "plan" | "guest",
): FieldAllowance[] {
  const described = library.devices.flatMap((device) =>
    device.unreachable.flatMap(({ what, why, needed, fields }) =>
      (fields[engine] ?? []).map((field) => ({
        ...field,
        needed: needed && judged === "guest",
        why: `${what}: ${why}`,
      })),
    ),
  );
  return [...described, ...own];
}

/** Compares field by field; a field that only one side has differs. */
export function compareDevices(
  source: readonly DeviceField[],
  destination: readonly DeviceField[],
  allowances: readonly FieldAllowance[],
): DeviceComparison {
  const isOpen = ({ unless }: FieldAllowance) =>
    unless === undefined || ![source, destination].every((side) => has(side, unless));
  // Most fields are alike, and both sides have them at the same place.
  const unlike = (other: readonly DeviceField[]) => (field: DeviceField, i: number) =>
    other[i]?.path !== field.path || other[i]?.value !== field.value;
  const theirs = new Map(destination.filter(unlike(source)).map(({ path, value }) => [path, value]));
  const ours = new Map(source.filter(unlike(destination)).map(({ path, value }) => [path, value]));
  const paths = new Set([...theirs.keys(), ...ours.keys()]);
  const unreachable: AllowedDifference[] = [];
  const different: Difference[] = [];
  for (const path of paths) {
    const difference = { path, source: ours.get(path), destination: theirs.get(path) };
    if (difference.source === difference.destination) continue;
    const allowance = allowanceFor(
      difference,
      allowances.filter(
        (one) => covers(one, path) && (one.from === undefined || one.from === difference.source) && isOpen(one),
      ),
    );
    if (allowance === undefined) different.push(difference);
    else if (allowance.needed) different.push({ ...difference, why: allowance.why });
    else unreachable.push({ ...difference, why: allowance.why });
  }
  const fields = source.length - ours.size + paths.size;
  return { fields, equal: fields - unreachable.length - different.length, unreachable, different };
}

/** What lets a field differ so: one allowance, or several that have a part of the bits each. */
function allowanceFor(
  difference: Difference,
  candidates: readonly FieldAllowance[],
): Pick<FieldAllowance, "needed" | "why"> | undefined {
  const { source, destination } = difference;
  const numbers = typeof source === "number" && typeof destination === "number";
  const concerned = ({ mask }: FieldAllowance) =>
    mask === undefined || !numbers || ((source ^ destination) & mask) !== 0;
  const needed = candidates.find((one) => one.needed === true && concerned(one));
  const whole = needed ?? candidates.find((one) => within(one.mask, filled(difference, one.absent)));
  if (whole !== undefined || !numbers) return whole;
  const parts = candidates.filter(({ mask = 0 }) => ((source ^ destination) & mask) !== 0);
  const mask = parts.reduce((bits, part) => bits | (part.mask ?? 0), 0);
  if (!within(mask, difference)) return undefined;
  return { needed: parts.some(({ needed }) => needed), why: parts.map(({ why }) => why).join("; ") };
}

function has(fields: readonly DeviceField[], unless: NonNullable<FieldAllowance["unless"]>): boolean {
  return fields.some(({ path, value }) => value === unless.is && covers(unless, path));
}

function filled<T extends Difference>(difference: T, absent: number | undefined): T {
  return { ...difference, source: difference.source ?? absent, destination: difference.destination ?? absent };
}

/** True where the values differ only in bits of the mask; without one they may differ anyhow. */
function within(mask: number | undefined, { source, destination }: Difference): boolean {
  if (mask === undefined) return true;
  return typeof source === "number" && typeof destination === "number" && ((source ^ destination) & ~mask) === 0;
}

/** What stands between the stars of a pattern; found once for each. */
const literals = new WeakMap<object, readonly string[]>();

/** True when the path is of the pattern's, in which `*` stands for any run of characters. */
function covers(pattern: { readonly path: string }, path: string): boolean {
  let parts = literals.get(pattern);
  if (parts === undefined) literals.set(pattern, (parts = pattern.path.split("*")));
  const [first = "", last = ""] = [parts[0], parts.at(-1)];
  if (parts.length === 1) return path === first;
  if (!path.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = path.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return path.length >= at + last.length && path.endsWith(last);
}
