import { Each, SELF, type Values } from "./each.ts";
import { isRecord } from "./extend.ts";
import type { Report } from "./patterns.ts";

type Key = string | number;
type Path = readonly Key[];

/** A number as YAML writes it. */
const NUMBER = /^(0x[0-9a-fA-F]+|\d+)$/;
/** Values one description may have once its names are written out; no device has near as many. */
const VALUE_LIMIT = 1 << 17;

/** A description's raw data with its `$` names written out. */
export interface Expanded {
  readonly data: unknown;
  /** The key, in the data as it was written, of what stands at `key` of a part of `data`. */
  writtenKey(part: unknown, key: Key): Key;
}

/**
 * Writes out what stands once for each value of a `$` name: an entry by the name in its key, a text in a list by the name in it, a mapping in a
 * list by its own `each`. What stands in an entry has the values of its key, and in one of a section its name as `$self`. Mistakes are told to `report`.
 */
export function expand(data: unknown, report: Report): Expanded {
  if (!isRecord(data)) return { data, writtenKey: (_part, key) => key };
  const { each, ...rest } = data;
  const writing = new Writing(Each.of(each, report), report);
  const written = writing.mapping(rest, new Map(), []);
  return {
    data: each === undefined ? written : { each, ...written },
    writtenKey: (part, key) => writing.keys.get(part)?.get(key) ?? key,
  };
}

class Writing {
  readonly #each: Each;
  readonly #report: Report;
  #left = VALUE_LIMIT;
  /** Of each mapping and list that was written, the keys that its own stood for. */
  readonly keys = new Map<unknown, ReadonlyMap<Key, Key>>();

  constructor(each: Each, report: Report) {
    this.#each = each;
    this.#report = report;
  }

  mapping(record: Readonly<Record<string, unknown>>, given: Values, path: Path): Record<string, unknown> {
    const keys = new Map<Key, Key>();
    const entries: [string, unknown][] = [];
    for (const [key, value] of Object.entries(record)) {
      for (const values of this.#each.assignments(this.#each.namesIn(key), given)) {
        const name = this.#each.substitute(key, values);
        keys.set(name, key);
        const within = path.length === 1 ? new Map([...values, [SELF, name]]) : values;
        entries.push([name, this.#value(value, within, [...path, name])]);
      }
    }
    const result = Object.fromEntries(entries);
    this.keys.set(result, keys);
    return result;
  }

  #list(items: readonly unknown[], given: Values, path: Path): unknown[] {
    const keys = new Map<Key, Key>();
    const result: unknown[] = [];
    for (const [i, item] of items.entries()) {
      const [names, what] = this.#repeated(item, given, [...path, result.length]);
      for (const values of this.#each.assignments(names, given)) {
        keys.set(result.length, i);
        result.push(this.#value(what, values, [...path, result.length]));
      }
    }
    this.keys.set(result, keys);
    return result;
  }

  /** The names for whose values an item of a list stands, and what stands for each. */
  #repeated(item: unknown, given: Values, path: Path): [names: string[], what: unknown] {
    if (typeof item === "string") return [this.#each.namesIn(item), item];
    if (!isRecord(item) || !("each" in item)) return [[], item];
    const { each: said, ...what } = item;
    const names = (Array.isArray(said) ? said : [said]).map(String);
    for (const name of names) {
      if (!this.#each.has(name)) this.#report([...path, "each"], `no name "${name}" under each`);
      else if (given.has(name)) this.#report([...path, "each"], `$${name} has a value here already`);
    }
    return [names.filter((name) => this.#each.has(name)), what];
  }

  #value(value: unknown, given: Values, path: Path): unknown {
    if (this.#left-- <= 0) {
      if (this.#left === -1) this.#report([], `more than ${VALUE_LIMIT} values once the names of each are written out`);
      return value;
    }
    if (Array.isArray(value)) return this.#list(value, given, path);
    if (isRecord(value)) return this.mapping(value, given, path);
    if (typeof value !== "string") return value;
    const text = this.#each.substitute(value, given);
    return text !== value && NUMBER.test(text) ? Number(text) : text;
  }
}
