import { scriptLine, type PlanStep } from "@portrait/replayer";
import type { FuzzFailure, FuzzReport } from "@portrait/vmm";
import { hex } from "../output/numbers.ts";

/** A failure as a script: what to type into which QEMU, in the words of its qtest protocol. */
export function scriptOf({ command }: FuzzReport, { trial }: FuzzFailure): string[] {
  return [
    `# Each half into the standard input of a machine of its own: ${command.join(" ")} -S -qtest stdio`,
    "# One machine: the accesses.",
    ...trial.accesses.map((access) => {
      const line = scriptLine(access);
      return access.direction === "in" ? `${line} # gave ${hex(access.value)}` : line;
    }),
    "# The other: their plan.",
    ...trial.plan.steps.flatMap(stepLines),
  ];
}

function stepLines(step: PlanStep): string[] {
  const what = `# ${step.device}.${step.register}: ${step.why}`;
  if (step.op !== "drain") {
    const { port, width } = step;
    const operation =
      step.op === "out"
        ? { direction: "out" as const, port, width, value: step.value }
        : { direction: "in" as const, port, width };
    return [`${scriptLine(operation)} ${what}`];
  }
  const status = scriptLine({ direction: "in", port: step.status, width: 8 });
  const data = scriptLine({ direction: "in", port: step.port, width: 8 });
  return [`${status} ${what}: while it has ${hex(step.mask)}`, data];
}
