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
  match: Readonly<Record<string, number | readonly number[]>>,
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
    const values = typeof given === "number" ? [given] : given;
    const bits = field.high - field.low + 1;
    for (const value of values) {
      if (value >= 2 ** bits) report([...path, name], `${value} does not fit into ${bits} bits`);
    }
    cubes = cubes.flatMap((cube) => values.map((value) => narrowed(cube, field, value))).slice(0, CUBE_LIMIT + 1);
  }
  return cubes;
}

/** The part of a cube in which the field has the value. */
function narrowed(cube: Cube, { high, low }: Field, value: number): Cube {
  const mask = high - low === 31 ? 0xffffffff : (2 ** (high - low + 1) - 1) << low;
  return { mask: (cube.mask | mask) >>> 0, bits: (cube.bits | (value << low)) >>> 0 };
}
