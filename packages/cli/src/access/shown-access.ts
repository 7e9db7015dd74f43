import {
  criteriaNames,
  fieldOf,
  VERDICTS,
  type ClassifiedColumns,
  type Criterion,
  type Instance,
  type Library,
  type Register,
  type Verdict,
} from "@portrait/classifier";
import { accessAt, type Access, type AccessBatch, type Width } from "@portrait/tracer";

/** One thing an access reached; several registers where it may have been any of them. */
export interface ShownPart {
  readonly instance: Instance;
  readonly registers: readonly Register[];
  readonly verdict: Verdict;
  /** True where it may have been another device that stands at the same port. */
  readonly contested: boolean;
  readonly width: Width;
  readonly value: number;
}

/** An access and what it reached, to be shown to a person or as JSON. */
export interface ShownAccess {
  readonly access: Access;
  /** None where no description covers it; several where it was split over registers or devices. */
  readonly parts: readonly ShownPart[];
  readonly verdict: Verdict;
  readonly criteria: readonly Criterion[];
}

/** Row `row` of a classified batch. */
export function shownAccess(
  batch: AccessBatch,
  columns: ClassifiedColumns,
  row: number,
  library: Library,
): ShownAccess {
  const access = accessAt(batch, row);
  const verdict = VERDICTS[columns.verdict[row] ?? 0] ?? "unknown";
  const parts = columns.several.get(row) ?? onePart(access, verdict, columns, row, library);
  const criteria = parts.length === 0 ? [] : criteriaNames(columns.criteria?.[row] ?? 0);
  return { access, parts, verdict, criteria };
}

function onePart(
  access: Access,
  verdict: Verdict,
  columns: ClassifiedColumns,
  row: number,
  library: Library,
): readonly ShownPart[] {
  const instance = library.instances[(columns.instance[row] ?? 0) - 1];
  const register = instance?.device.registers[columns.register[row] ?? 0];
  if (instance === undefined || register === undefined) return [];
  return [{ instance, registers: [register], verdict, contested: false, width: access.width, value: access.value }];
}

/** The fields of the register a part reached, with their values; none where it could not be told. */
export function fieldsOf({ registers, value }: ShownPart): readonly (readonly [name: string, value: number])[] {
  const [register, other] = registers;
  if (register === undefined || other !== undefined) return [];
  return register.fields.map((field) => [field.name, fieldOf(field, value)]);
}

/** `pic1.ICW1`; `pic1.(ICW2|OCW1)` where it may have been any of them, `nic.CR?` where it may have been another device's. */
export function partName({ instance, registers, contested }: ShownPart): string {
  const names = registers.map(({ name }) => name);
  const register = names.length === 1 ? (names[0] ?? "") : `(${names.join("|")})`;
  return `${instance.name}.${register}${contested ? "?" : ""}`;
}
