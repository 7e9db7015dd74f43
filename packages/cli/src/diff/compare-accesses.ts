import { shortestEdits } from "./myers.ts";
import type { TokenAccess, TokenStream } from "./token-stream.ts";

/** Equal tokens after which two traces are taken to have come together again. */
const TOGETHER = 32;

/** A place where two traces differ. */
export interface Hunk {
  /** Sequence number at which it begins in each. */
  readonly a: number;
  readonly b: number;
  readonly removed: readonly TokenAccess[];
  readonly added: readonly TokenAccess[];
}

/** The differences between two traces, in order, found within the windows of the streams. */
export async function* compareAccesses(a: TokenStream, b: TokenStream): AsyncGenerator<Hunk, void, undefined> {
  for (;;) {
    await Promise.all([a.fill(), b.fill()]);
    const same = commonLength(a, b);
    if (same > 0) {
      a.drop(same);
      b.drop(same);
      continue;
    }
    if (a.length === 0 && b.length === 0) return;
    yield* differences(a, b);
  }
}

function commonLength(a: TokenStream, b: TokenStream): number {
  const end = Math.min(a.length, b.length);
  let same = 0;
  while (same < end && a.values[same] === b.values[same]) same++;
  return same;
}

/** The hunks up to where both agree again, or as far as the windows reach. */
function* differences(a: TokenStream, b: TokenStream): Generator<Hunk, void, undefined> {
  let [x, y] = [0, 0];
  for (const { removed, added, same } of shortestEdits(a, b)) {
    if (removed + added > 0) {
      yield { a: a.seqAt(x), b: b.seqAt(y), removed: accesses(a, x, removed), added: accesses(b, y, added) };
    }
    x += removed;
    y += added;
    if (same >= TOGETHER) break;
    x += same;
    y += same;
  }
  a.drop(x);
  b.drop(y);
}

function accesses(tokens: TokenStream, from: number, count: number): TokenAccess[] {
  return Array.from({ length: count }, (_, i) => tokens.access(from + i));
}
