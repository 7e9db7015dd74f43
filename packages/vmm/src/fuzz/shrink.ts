/**
 * The shortest part of `items` found that still `fails`: runs are left out, longer ones first, until no single item can be. Then each item
 * is replaced by the first of its `simpler` forms that still fails. `tries` bounds the calls of `fails`.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
  simpler: (item: T) => readonly T[],
  tries: number,
): Promise<readonly T[]> {
  let left = tries;
  const still = async (candidate: readonly T[]) => left-- > 0 && (await fails(candidate));
  let best = items;
  for (let before = -1; before !== best.length;) {
    before = best.length;
    for (let run = Math.ceil(best.length / 2); run >= 1; run = run === 1 ? 0 : Math.ceil(run / 2)) {
      for (let at = best.length - run; at >= 0; at -= run) {
        const candidate = best.toSpliced(at, run);
        if (candidate.length > 0 && (await still(candidate))) best = candidate;
      }
    }
  }
  for (let at = 0; at < best.length; at++) {
    const item = best[at];
    for (const form of item === undefined ? [] : simpler(item)) {
      const candidate = best.with(at, form);
      if (!(await still(candidate))) continue;
      best = candidate;
      break;
    }
  }
  return best;
}
