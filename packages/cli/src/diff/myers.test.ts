import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shortestEdits, type Edit, type Tokens } from "./myers.ts";

const tokens = (values: readonly number[]): Tokens => ({ values: Float64Array.from(values), length: values.length });
const few = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 40 });

/** Length of the longest common subsequence, by the textbook's table. */
function longestCommon(a: readonly number[], b: readonly number[]): number {
  let above = new Array<number>(b.length + 1).fill(0);
  for (const one of a) {
    const row = [0];
    b.forEach((other, j) => {
      row.push(one === other ? (above[j] ?? 0) + 1 : Math.max(above[j + 1] ?? 0, row[j] ?? 0));
    });
    above = row;
  }
  return above[b.length] ?? 0;
}

/** What the edits make of `a`, taking added tokens from `b`; undefined where tokens called the same are not. */
function applied(edits: readonly Edit[], a: readonly number[], b: readonly number[]): number[] | undefined {
  const result: number[] = [];
  let [x, y] = [0, 0];
  for (const { removed, added, same } of edits) {
    x += removed;
    result.push(...b.slice(y, y + added));
    y += added;
    for (let i = 0; i < same; i++) if (a[x + i] !== b[y + i]) return undefined;
    result.push(...a.slice(x, x + same));
    x += same;
    y += same;
  }
  return x === a.length && y === b.length ? result : undefined;
}

describe("shortestEdits", () => {
  test("leads from the first to the second", () => {
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(applied(shortestEdits(tokens(a), tokens(b)), a, b)).toEqual(b);
      }),
    );
  });

  test("keeps as much as can be kept", () => {
    fc.assert(
      fc.property(few, few, (a, b) => {
        const kept = shortestEdits(tokens(a), tokens(b)).reduce((sum, { same }) => sum + same, 0);
        expect(kept).toBe(longestCommon(a, b));
      }),
    );
  });

  test("gives a way as far as its limit leads where nothing is alike", () => {
    const edits = shortestEdits(tokens(new Array<number>(4096).fill(1)), tokens(new Array<number>(4096).fill(2)));
    const count = edits.reduce((sum, { removed, added }) => sum + removed + added, 0);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(8192);
  });
});
