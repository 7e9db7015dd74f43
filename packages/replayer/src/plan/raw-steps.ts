import { elementsOf, isOut, isString, widthOf, type AccessBatch } from "@portrait/tracer";
import type { PlanStep } from "./plan.ts";

/** Every OUT of a batch as a step, as it was recorded: nothing is left out, nothing put in order. */
export function rawSteps(batch: AccessBatch): PlanStep[] {
  const steps: PlanStep[] = [];
  for (let row = 0; row < batch.length; row++) {
    const op = batch.op[row] ?? 0;
    if (!isOut(op)) continue;
    const payload = isString(op) ? batch.strings.find((one) => one.index === row)?.payload : undefined;
    const values = payload === undefined ? [batch.value[row] ?? 0] : elementsOf(payload, widthOf(op));
    for (const value of values) {
      steps.push({
        op: "out",
        port: batch.port[row] ?? 0,
        width: widthOf(op),
        value,
        device: "",
        register: "",
        from: [batch.firstSeq + row],
        why: "as recorded",
        risk: "danger",
      });
    }
  }
  return steps;
}
