export type { Plan, PlanStep, PlanStepReason } from "./plan/plan.ts";
export { PortTargetError } from "./target/port-target.ts";
export type { PortOperation, PortTarget } from "./target/port-target.ts";
