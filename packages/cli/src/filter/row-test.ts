import type { ClassifiedColumns } from "@portrait/classifier";
import type { AccessBatch } from "@portrait/tracer";

/** True when the row of a batch passes a filter. */
export type RowTest = (batch: AccessBatch, columns: ClassifiedColumns, row: number) => boolean;
