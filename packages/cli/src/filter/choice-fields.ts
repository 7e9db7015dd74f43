import { VERDICTS } from "@portrait/classifier";
import { isOut } from "@portrait/tracer";
import type { RowTest } from "./row-test.ts";

/** For each word a field can be compared with, the test that the row has it. */
type ChoiceField = ReadonlyMap<string, RowTest>;

const direction: ChoiceField = new Map<string, RowTest>([
  ["in", (batch, _, row) => !isOut(batch.op[row] ?? 0)],
  ["out", (batch, _, row) => isOut(batch.op[row] ?? 0)],
]);

const verdict: ChoiceField = new Map(
  VERDICTS.map((name, index): [string, RowTest] => [name, (_, columns, row) => columns.verdict[row] === index]),
);

/** Fields that have one of a few values. */
export const choiceFields: ReadonlyMap<string, ChoiceField> = new Map([
  ["dir", direction],
  ["direction", direction],
  ["verdict", verdict],
]);

/** The test that the field has the value `name`; where there is no such value, the ones there are. */
export function choiceTest(field: ChoiceField, name: string): RowTest | readonly string[] {
  return field.get(name) ?? [...field.keys()];
}
