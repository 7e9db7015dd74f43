import { carryOut, type Plan, type PortOperation, type PortTarget } from "@portrait/replayer";

/** A port target that writes a C function instead of touching a machine. What is read is 0, so that a drain asks once. */
export class CFunction implements PortTarget {
  readonly name = "a C function";
  readonly lines: string[] = [];

  perform(operations: readonly PortOperation[]): Promise<readonly number[]> {
    for (const one of operations) {
      const suffix = { 8: "b", 16: "w", 32: "l" }[one.width];
      const port = `0x${one.port.toString(16)}`;
      const value = one.direction === "out" ? `0x${one.value.toString(16)}, ` : "";
      this.lines.push(`\t${one.direction}${suffix}(${value}${port});`);
    }
    return Promise.resolve(operations.map(() => 0));
  }
}

/** A plan as C. */
export async function planInC(plan: Plan): Promise<string> {
  const target = new CFunction();
  await carryOut(plan.steps, target);
  return ["void restore(void)", "{", ...target.lines, "}", ""].join("\n");
}
