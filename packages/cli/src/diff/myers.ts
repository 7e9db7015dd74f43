/** Edits after which the search is given up; what has been matched by then is taken. */
const EDIT_LIMIT = 1024;

/** No point of this diagonal can be reached. */
const NOWHERE = -1;

/** Tokens from the front of `values`. */
export interface Tokens {
  readonly values: Float64Array;
  readonly length: number;
}

/** After `removed` tokens of the first and `added` of the second, `same` tokens are in both. */
export interface Edit {
  readonly removed: number;
  readonly added: number;
  readonly same: number;
}

/** For each diagonal x − y, the furthest x that a number of edits leads to. */
class Frontier {
  readonly #edits: number;
  readonly #x: Int32Array;

  constructor(edits: number) {
    this.#edits = edits;
    this.#x = new Int32Array(2 * edits + 1).fill(NOWHERE);
  }

  at(diagonal: number): number {
    return this.#x[diagonal + this.#edits] ?? NOWHERE;
  }

  set(diagonal: number, x: number): void {
    this.#x[diagonal + this.#edits] = x;
  }
}

/**
 * The shortest way from `a` to `b` (E. Myers, An O(ND) difference algorithm and its variations, 1986); with more than
 * {@link EDIT_LIMIT} edits, the way that gets furthest with that many.
 */
export function shortestEdits(a: Tokens, b: Tokens): Edit[] {
  const frontiers: Frontier[] = [];
  let best = { reach: -1, diagonal: 0, edits: 0 };
  for (let edits = 0; edits <= EDIT_LIMIT && best.reach < a.length + b.length; edits++) {
    const frontier = new Frontier(edits);
    for (let k = -edits; k <= edits; k += 2) {
      const start = edits === 0 ? 0 : startOf(frontiers[edits - 1], k, a.length, b.length).x;
      if (start === NOWHERE) continue;
      const x = slide(a, b, start, k);
      frontier.set(k, x);
      if (2 * x - k > best.reach) best = { reach: 2 * x - k, diagonal: k, edits };
    }
    frontiers.push(frontier);
  }
  return wayTo(frontiers, best.edits, best.diagonal, a.length, b.length);
}

/** Where diagonal `k` is entered with one more edit than `before`: by adding a token of `b`, or removing one of `a`. */
function startOf(
  before: Frontier | undefined,
  k: number,
  aLength: number,
  bLength: number,
): { readonly x: number; readonly adds: boolean } {
  const above = before?.at(k + 1) ?? NOWHERE;
  const left = before?.at(k - 1) ?? NOWHERE;
  const added = above !== NOWHERE && above - k <= bLength ? above : NOWHERE;
  const removed = left !== NOWHERE && left + 1 <= aLength ? left + 1 : NOWHERE;
  return added >= removed ? { x: added, adds: true } : { x: removed, adds: false };
}

function slide(a: Tokens, b: Tokens, start: number, k: number): number {
  let x = start;
  while (x < a.length && x - k < b.length && a.values[x] === b.values[x - k]) x++;
  return x;
}

function wayTo(
  frontiers: readonly Frontier[],
  edits: number,
  diagonal: number,
  aLength: number,
  bLength: number,
): Edit[] {
  const way: Edit[] = [];
  let k = diagonal;
  for (let d = edits; d >= 0; d--) {
    const x = frontiers[d]?.at(k) ?? 0;
    if (d === 0) {
      if (x > 0 || way.length === 0) way.push({ removed: 0, added: 0, same: x });
      break;
    }
    const { x: start, adds } = startOf(frontiers[d - 1], k, aLength, bLength);
    way.push({ removed: adds ? 0 : 1, added: adds ? 1 : 0, same: x - start });
    k += adds ? 1 : -1;
  }
  return joined(way.reverse());
}

/** Edits with nothing in between as one. */
function joined(way: readonly Edit[]): Edit[] {
  const result: Edit[] = [];
  for (const edit of way) {
    const last = result.at(-1);
    if (last === undefined || last.same > 0) result.push(edit);
    else
      result[result.length - 1] = {
        removed: last.removed + edit.removed,
        added: last.added + edit.added,
        same: edit.same,
      };
  }
  return result;
}
