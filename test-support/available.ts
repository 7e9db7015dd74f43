import type { TestContext } from "vitest";

/** Something of this machine that a test needs: there, or not and why. */
export type Available<T> =
  { readonly available: true; readonly value: T } | { readonly available: false; readonly reason: string };

/** The value, or the test ends here as skipped with the reason. */
export function need<T>(context: TestContext, wanted: Available<T>): T {
  return wanted.available ? wanted.value : context.skip(wanted.reason);
}
