import type { Cube, Field } from "./model.ts";
import type { DescriptionProblem } from "./problem.ts";
import type { MatchData, RegisterData } from "./schema.ts";

type Path = DescriptionProblem["path"];
/** Takes a mistake and where it is. */
export type Report = (path: Path, message: string) => void;

/** Alternatives a pattern may write out to; no register needs near as many. */
const CUBE_LIMIT = 1024;

/** The fields of a register of `width` bits. */
export function fieldsOf(data: RegisterData["fields"], width: number, path: Path, report: Report): Field[] {
  return Object.entries(data ?? {}).map(([name, bits]) => {
    const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
    if (high < low || high >= width) report([...path, name], `expected [high, low] with ${width - 1} ≥ high ≥ low`);
    return { name, high, low };
  });
}

/** A value of a field, or a range `lo..hi` of them. */
type FieldValue = number | string;

/** First and last value that a value or a range `lo..hi` stands for. */
export function boundsOf(value: FieldValue): readonly [lo: number, hi: number] {
  const [lo, hi = lo] = String(value).split("..").map(Number);
  return [lo ?? NaN, hi ?? NaN];
}

/** Values, one or a list of them, or all but those. */
export type Said<T> = T | readonly T[] | { readonly not: T | readonly T[] };

type Range = readonly [lo: number, hi: number];

/** The ranges, of the values up to `last`, that are said by ranges or by all others. */
export function rangesOf<T extends number | string>(
  said: Said<T>,
  last: number,
  rangeOf: (value: T) => Range | undefined,
): Range[] | undefined {
  const not = isNot(said);
  const values = not ? said.not : said;
  const ranges = (typeof values === "object" ? values : [values]).map(rangeOf);
  const known = ranges.filter((range) => range !== undefined);
  if (known.length < ranges.length) return undefined;
  return not ? othersThan(known, last) : known;
}

function isNot<T extends number | string>(said: Said<T>): said is { readonly not: T | readonly T[] } {
  return typeof said === "object" && "not" in said;
}

/** What of the values up to `last` is in none of the ranges. */
function othersThan(ranges: readonly Range[], last: number): Range[] {
  const others: Range[] = [];
  let next = 0;
  for (const [lo, hi] of ranges.toSorted(([a], [b]) => a - b)) {
    if (lo > next) others.push([next, lo - 1]);
    next = Math.max(next, hi + 1);
  }
  if (next <= last) others.push([next, last]);
  return others;
}

/** The values a `match` stands for; none for every value. */
export function cubesOf(match: MatchData | undefined, fields: readonly Field[], path: Path, report: Report): Cube[] {
  const patterns = match === undefined ? [] : Array.isArray(match) ? match : [match];
  const cubes = patterns.flatMap((one) =>
    typeof one === "string" ? [bitPattern(one)] : fieldCubes(one, fields, path, report),
  );
  if (cubes.length > CUBE_LIMIT) report(path, `stands for more than ${CUBE_LIMIT} patterns; use fewer values`);
  return cubes.slice(0, CUBE_LIMIT);
}

function bitPattern(text: string): Cube {
  return {
    mask: parseInt(text.replaceAll(/[01]/g, "y").replaceAll("x", "0").replaceAll("y", "1"), 2),
    bits: parseInt(text.replaceAll("x", "0"), 2),
  };
}

function fieldCubes(
  match: Readonly<Record<string, Said<FieldValue>>>,
  fields: readonly Field[],
  path: Path,
  report: Report,
): Cube[] {
  let cubes: Cube[] = [{ mask: 0, bits: 0 }];
  for (const [name, given] of Object.entries(match)) {
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      report([...path, name], `no field "${name}" in this register`);
      continue;
    }
    const bits = field.high - field.low + 1;
    const ranges = rangesOf(given, 2 ** bits - 1, (value) => {
      const [lo, hi] = boundsOf(value);
      if (lo <= hi && hi < 2 ** bits) return [lo, hi];
      report([...path, name], hi < lo ? `the range ${value} is empty` : `${hi} does not fit into ${bits} bits`);
      return undefined;
    });
    if (ranges?.length === 0) report([...path, name], "leaves no value");
    const blocks = (ranges ?? []).flatMap(([lo, hi]) => blocksOf(lo, hi));
    cubes = cubes.flatMap((cube) => blocks.map((block) => narrowed(cube, field, block))).slice(0, CUBE_LIMIT + 1);
  }
  return cubes;
}

/** Values that share all bits but the `free` low ones, which are 0 in `first`. */
interface Block {
  readonly first: number;
  readonly free: number;
}

/** The blocks that make up a range, the largest that fit. */
function blocksOf(lo: number, hi: number): Block[] {
  const blocks: Block[] = [];
  for (let first = lo; first <= hi;) {
    let free = 0;
    while (free < 32 && first % 2 ** (free + 1) === 0 && first + 2 ** (free + 1) - 1 <= hi) free++;
    blocks.push({ first, free });
    first += 2 ** free;
  }
  return blocks;
}

/** The part of a cube in which the field has one of the block's values. */
function narrowed(cube: Cube, { high, low }: Field, { first, free }: Block): Cube {
  const fixed = high - low + 1 - free;
  const mask = fixed === 32 ? 0xffffffff : (2 ** fixed - 1) << (low + free);
  return { mask: (cube.mask | mask) >>> 0, bits: (cube.bits | (first << low)) >>> 0 };
}
