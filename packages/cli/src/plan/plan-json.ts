import type { Expected, Plan, PlanStep } from "@portrait/replayer";
import { hex } from "../output/numbers.ts";

/** A plan as `portrait plan -o json` prints it. */
export function planJson({ steps, interrupts, unknown, unreachable, counts }: Plan): Record<string, unknown> {
  return { steps: steps.map(stepJson), interrupts, unknown, unreachable, counts };
}

function stepJson(step: PlanStep): Record<string, unknown> {
  const { device, register, from, why, risk } = step;
  return { ...operationJson(step), device, register, from, why, risk };
}

function operationJson(step: PlanStep): Record<string, unknown> {
  switch (step.op) {
    case "out":
      return { op: "out", port: hex(step.port), width: step.width, value: hex(step.value) };
    case "in":
      return { op: "in", port: hex(step.port), width: step.width, ...expectedJson(step.expect) };
    case "drain":
      return {
        op: "drain",
        port: hex(step.port),
        width: step.width,
        status: hex(step.status),
        mask: hex(step.mask),
        busy: hex(step.busy),
        limit: step.limit,
      };
  }
}

function expectedJson(expect: Expected | undefined): Record<string, unknown> {
  return expect === undefined ? {} : { expect: { mask: hex(expect.mask), value: hex(expect.value) } };
}
