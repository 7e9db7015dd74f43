import type { PlanStep } from "@portrait/replayer";
import type { Width } from "@portrait/tracer";

/** A plan's write, of which nothing else matters. */
export function outStep(port: number, value: number, width: Width = 8): PlanStep {
  return { op: "out", port, width, value, device: "", register: "", from: [], why: "", risk: "safe" };
}
