export { PortTargetError } from "./target/port-target.ts";
export type { PortOperation, PortTarget } from "./target/port-target.ts";
