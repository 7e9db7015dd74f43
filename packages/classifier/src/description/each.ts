import { isRecord } from "./extend.ts";
import type { Report } from "./patterns.ts";
import { NAME } from "./schema.ts";

type Value = number | string;
/** What `$` names have for values at one place. */
export type Values = ReadonlyMap<string, Value>;

/** Entries one name may stand for; what lies beyond is cut, and refused by the loader. */
export const ENTRY_LIMIT = 4096;
const VALUE_LIMIT = 256;
/** The name whose value is, in an entry, the name of that. */
export const SELF = "self";

/** The `each` section: a text such as `RSAR$n` stands once for each value of its `$` names. */
export class Each {
  /** Of every name, the values it has, with those of the names that go with it. */
  readonly #rows: ReadonlyMap<string, readonly Values[]>;
  readonly #pattern: RegExp;

  private constructor(rows: ReadonlyMap<string, readonly Values[]>) {
    this.#rows = rows;
    const longestFirst = [SELF, ...rows.keys()].toSorted((a, b) => b.length - a.length);
    this.#pattern = new RegExp(`\\$(${longestFirst.join("|")})`, "g");
  }

  /** The section of raw data, as far as it has the right form. */
  static of(section: unknown, report: Report): Each {
    const given = isRecord(section) ? Object.entries(section).filter(([name]) => NAME.test(name)) : [];
    if (given.some(([name]) => name === SELF)) report(["each", SELF], "is the name of the entry that it stands in");
    const alone = new Map(given.flatMap(([name, one]) => (isValues(one) ? [[name, rowsOf(name, one)]] : [])));
    const rows = new Map(alone);
    for (const [name, one] of given) {
      if (!isRecord(one) || typeof one["with"] !== "string" || !isValues(one["values"])) continue;
      const [leader, values] = [one["with"], one["values"]];
      const led = alone.get(leader);
      if (led === undefined) {
        report(["each", name, "with"], `no name "${leader}" here that has values of its own`);
      } else if (led.length !== values.length) {
        report(["each", name, "values"], `expected ${led.length}, as many as ${leader} has`);
      } else {
        for (const [i, row] of led.entries()) row.set(name, values[i] ?? 0);
        rows.set(name, led);
      }
    }
    return new Each(rows);
  }

  has(name: string): boolean {
    return this.#rows.has(name);
  }

  /** The names in a text. */
  namesIn(text: string): string[] {
    return [...text.matchAll(this.#pattern)].map(([, name = ""]) => name);
  }

  /** Every way to give the names values that `given` leaves without. */
  assignments(names: readonly string[], given: Values): Values[] {
    let all: Values[] = [given];
    for (const name of names.filter((one) => this.has(one))) {
      all = all.flatMap((one) => (one.has(name) ? [one] : (this.#rows.get(name) ?? []).map((row) => joined(one, row))));
      all = all.slice(0, ENTRY_LIMIT + 1);
    }
    return all;
  }

  /** `text` with the names that have values replaced by them. */
  substitute(text: string, values: Values): string {
    return text.replaceAll(this.#pattern, (whole, name: string) => String(values.get(name) ?? whole));
  }
}

function rowsOf(name: string, values: readonly Value[]): Map<string, Value>[] {
  return values.map((value) => new Map([[name, value]]));
}

function joined(one: Values, other: Values): Values {
  return new Map([...one, ...other]);
}

function isValues(value: unknown): value is Value[] {
  return (
    Array.isArray(value) &&
    value.length <= VALUE_LIMIT &&
    value.every((item) => ["number", "string"].includes(typeof item))
  );
}
