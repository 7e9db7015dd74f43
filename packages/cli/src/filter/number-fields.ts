import { isString, widthOf, type AccessBatch } from "@portrait/tracer";
import type { Operator } from "./expression.ts";
import type { RowTest } from "./row-test.ts";

/** Value of a field in a row. */
type NumberField = (batch: AccessBatch, row: number) => number;

const time: NumberField = (batch, row) => batch.time[row] ?? 0;

const stringCount: NumberField = (batch, row) =>
  isString(batch.op[row] ?? 0) ? (batch.strings.find((one) => one.index === row)?.count ?? 1) : 1;

/** Fields that are compared with numbers. */
export const numberFields: ReadonlyMap<string, NumberField> = new Map<string, NumberField>([
  ["seq", (batch, row) => batch.firstSeq + row],
  ["t", time],
  ["time", time],
  ["vcpu", (batch, row) => batch.vcpu[row] ?? 0],
  ["port", (batch, row) => batch.port[row] ?? 0],
  ["width", (batch, row) => widthOf(batch.op[row] ?? 0)],
  ["value", (batch, row) => batch.value[row] ?? 0],
  ["count", stringCount],
]);

/** Compares the field, masked where `mask` is given, with `literal`. */
export function numberTest(field: NumberField, mask: number | undefined, operator: Operator, literal: number): RowTest {
  const value: NumberField = mask === undefined ? field : (batch, row) => (field(batch, row) & mask) >>> 0;
  switch (operator) {
    case "==":
      return (batch, _, row) => value(batch, row) === literal;
    case "!=":
      return (batch, _, row) => value(batch, row) !== literal;
    case "<":
      return (batch, _, row) => value(batch, row) < literal;
    case "<=":
      return (batch, _, row) => value(batch, row) <= literal;
    case ">":
      return (batch, _, row) => value(batch, row) > literal;
    case ">=":
      return (batch, _, row) => value(batch, row) >= literal;
  }
}
