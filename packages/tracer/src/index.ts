export { allOnes, directionOf, isOut, isString, opOf, widthOf } from "./access.ts";
export type { Direction, Op, Width } from "./access.ts";
export { accessAt, BATCH_CAPACITY, BatchBuilder } from "./batch.ts";
export type { Access, AccessBatch, Gap, Marker, StringAccess } from "./batch.ts";
export type { ClockUnit, DescriptionReference, MachineInventory, TraceInfo } from "./info.ts";
