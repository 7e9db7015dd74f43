import type { InstanceState, Register } from "@portrait/classifier";
import { UnreachableError, type Navigator } from "../plan/navigator.ts";

/** Takes reads of a stopped machine's device by ways that lead back; gives their positions. */
export function readAndLeave(
  registers: readonly Register[],
  state: InstanceState,
  navigator: Navigator,
  why: string,
): number[] | undefined {
  return navigator.attempt(() => {
    const positions = registers.map((register) => navigator.read(register, [], why));
    const lost = navigator.leave(state.selectors);
    if (lost.length > 0) throw new UnreachableError(`${lost.join(", ")} cannot be brought back`);
    return positions;
  });
}
