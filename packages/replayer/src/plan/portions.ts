import type { Advance } from "@portrait/classifier";

/** Portions that a plan takes at the most. */
const LIMIT = 256;

/** Divides a distance into as few portions as there can be, all about as large; undefined where none lead there. */
export function portionsTo(
  distance: number,
  { least, most, unit, more }: Pick<Advance, "least" | "most" | "unit" | "more">,
): number[] | undefined {
  const count = Math.ceil(distance / (most + more));
  if (count > LIMIT) return undefined;
  const portions: number[] = [];
  let left = distance;
  for (let open = count; open > 0; open--) {
    const portion = Math.floor((left / open - more) / unit) * unit;
    if (portion < least) return undefined;
    portions.push(portion);
    left -= portion + more;
  }
  return left === 0 ? portions : undefined;
}
