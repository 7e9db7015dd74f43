import { isRecord } from "./extend.ts";

/** Values each `$` name stands for, e.g. `{ c: [0, 1, 2] }`; a text stands as it is written, e.g. `"0A"` in `0x$c`. */
export type Variables = Readonly<Record<string, readonly (number | string)[]>>;
type Assignment = ReadonlyMap<string, number | string>;

/** Entries one section may grow to; what lies beyond is cut, and refused by the loader. */
export const ENTRY_LIMIT = 4096;

/** A number as YAML writes it. */
const NUMBER = /^(0x[0-9a-fA-F]+|\d+)$/;

const SECTIONS = ["ports", "instances", "state", "preceding", "slots", "registers", "drains"];

/** Every assignment of values to the `$` names that occur in `text`. */
export function assignments(text: string, variables: Variables): Assignment[] {
  let all: Map<string, number | string>[] = [new Map()];
  for (const [name, values] of Object.entries(variables)) {
    if (!text.includes(`$${name}`)) continue;
    all = all.flatMap((one) => values.map((value) => new Map(one).set(name, value))).slice(0, ENTRY_LIMIT + 1);
  }
  return all;
}

/** `text` with its `$` names replaced. */
export function substitute(text: string, assignment: Assignment): string {
  let result = text;
  for (const [name, value] of assignment) result = result.replaceAll(`$${name}`, String(value));
  return result;
}

function substituteDeep(value: unknown, assignment: Assignment): unknown {
  if (typeof value === "string") {
    const text = substitute(value, assignment);
    return text !== value && NUMBER.test(text) ? Number(text) : text;
  }
  if (Array.isArray(value)) return value.map((item) => substituteDeep(item, assignment));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [substitute(key, assignment), substituteDeep(item, assignment)]),
  );
}

/** A description's raw data with every entry whose name has a `$` written out once for each of its values. */
export function expand(data: unknown): unknown {
  if (!isRecord(data)) return data;
  const variables = variablesOf(data);
  const result: Record<string, unknown> = { ...data };
  for (const section of SECTIONS) {
    const entries = data[section];
    if (!isRecord(entries)) continue;
    result[section] = Object.fromEntries(
      Object.entries(entries).flatMap(([key, value]) =>
        assignments(key, variables).map((one) => [substitute(key, one), substituteDeep(value, one)]),
      ),
    );
  }
  return result;
}

/** The `each` section of raw data, as far as it has the right form. */
export function variablesOf(data: unknown): Variables {
  if (!isRecord(data) || !isRecord(data["each"])) return {};
  const isValues = (value: unknown): value is (number | string)[] =>
    Array.isArray(value) && value.length <= 256 && value.every((item) => ["number", "string"].includes(typeof item));
  return Object.fromEntries(
    Object.entries(data["each"]).filter((entry): entry is [string, (number | string)[]] => isValues(entry[1])),
  );
}
