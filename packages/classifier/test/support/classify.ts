import { BATCH_CAPACITY, BatchBuilder, opOf, type Direction, type Width } from "@portrait/tracer";
import {
  builtinDescriptions,
  Classifier,
  classifiedColumns,
  criteriaNames,
  heldValue,
  keptValue,
  loadLibrary,
  openOf,
  VERDICTS,
  type Criterion,
  type DescriptionSource,
  type InstanceState,
  type Library,
  type SlotContent,
  type SlotWrite,
  type Verdict,
} from "../../src/index.ts";

/** One access: `["out", 0x20, 0x11]`; 8 bits wide unless said otherwise. */
export type Row = readonly [direction: Direction, port: number, value: number, width?: Width];

/** What one access turned out to be. */
export interface Seen {
  /**
   * `pic1.ICW1`; `a.X|a.Y` where it may have been either, `a.X+a.Y` where it was split over both, `a.X?` where it may have
   * been another device's, `-` where nothing is known.
   */
  readonly register: string;
  readonly verdict: Verdict;
  readonly criteria: readonly string[];
}

/** What a list of accesses means to the built-in descriptions. */
export interface Classified {
  readonly rows: readonly Seen[];
  /** `rows[i].register` of every row. */
  readonly registers: readonly string[];
  readonly state: (instance: string) => InstanceState;
  /**
   * What a slot holds, as a test writes it down: a value; `reset`; `none`; `unknown: why`; of writes that are not one
   * value the list `REGISTER=xx`, with what is half done behind a `|`. `key` as {@link InstanceState.keyOf} makes it.
   */
  readonly slot: (instance: string, name: string, key?: number) => number | string | readonly string[];
  /** Value of a selector, by its name where it has names; `unknown`. */
  readonly selector: (instance: string, name: string) => number | string;
  /** What an access made next could be, `pic1.ICW2`; `without`: if that criterion were not looked at. */
  candidates(row: Row, without?: Criterion): string[];
}

/** Where the descriptions come from, and from where on the machine is watched. */
export interface ClassifyOptions {
  /** Built-in descriptions of these ids; all of them when left out. */
  readonly ids?: readonly string[];
  /** Descriptions beside them. */
  readonly more?: readonly DescriptionSource[];
  /** True when left out. */
  readonly fromReset?: boolean;
  /** False when left out. */
  readonly aliases?: boolean;
}

const libraries = new Map<string, Library>();

function libraryOf({ ids, more = [], aliases = false }: ClassifyOptions): Library {
  const name = `${ids?.join() ?? "all"} ${aliases} ${more.map(({ text }) => text).join()}`;
  const sources = builtinDescriptions().filter(({ file }) => ids?.includes(file.replace(".yaml", "")) ?? true);
  const library = libraries.get(name) ?? loadLibrary([...sources, ...more], { aliases });
  libraries.set(name, library);
  return library;
}

/** Classifies accesses, given one by one or pushed by a function, with the built-in descriptions. */
export function classify(
  accesses: readonly Row[] | ((builder: BatchBuilder) => void),
  options: ClassifyOptions = {},
): Classified {
  const classifier = new Classifier(libraryOf(options), { fromReset: options.fromReset ?? true });
  const columns = classifiedColumns(BATCH_CAPACITY, { criteria: true });
  const seen: Seen[] = [];
  const builder = new BatchBuilder((batch) => {
    classifier.feed(batch, columns);
    for (let i = 0; i < batch.length; i++) {
      const several = columns.several
        .get(i)
        ?.map(
          ({ instance, registers, contested }) =>
            registers.map((register) => `${instance.name}.${register.name}`).join("|") + (contested ? "?" : ""),
        );
      const instance = classifier.library.instances[(columns.instance[i] ?? 0) - 1];
      const one = instance && `${instance.name}.${instance.device.registers[columns.register[i] ?? 0]?.name ?? "-"}`;
      const verdict = VERDICTS[columns.verdict[i] ?? 0] ?? "unknown";
      const criteria = criteriaNames(columns.criteria?.[i] ?? 0);
      seen.push({ register: several?.join("+") ?? (verdict === "unknown" ? "-" : (one ?? "-")), verdict, criteria });
    }
  });
  if (typeof accesses === "function") accesses(builder);
  else for (const row of accesses) push(builder, row);
  builder.flush();
  const state = (name: string) => {
    const found = classifier.states.find(({ instance }) => instance.name === name);
    if (found === undefined) throw new Error(`no instance ${name}`);
    return found;
  };
  return {
    rows: seen,
    registers: seen.map(({ register }) => register),
    state,
    slot: (instance, name, key = 0) => {
      const { slots, instance: one } = state(instance);
      const slot = one.device.slots.find((candidate) => candidate.name === name);
      if (slot === undefined) throw new Error(`no slot ${name} in ${instance}`);
      return shown(slots.content(slot, key));
    },
    selector: (instance, name) => {
      const { selectors, instance: one } = state(instance);
      const selector = one.device.selectors.find((candidate) => candidate.name === name);
      if (selector === undefined) throw new Error(`no selector ${name} in ${instance}`);
      const value = selectors[selector.index] ?? -1;
      return value === -1 ? "unknown" : (selector.values?.[value] ?? value);
    },
    candidates: ([direction, port, value, width = 8], without) =>
      classifier
        .candidates({ direction, port, value, width }, without)
        .map(({ instance, register }) => `${instance.name}.${register.name}`),
  };
}

/** Appends one access to a batch. */
export function push(builder: BatchBuilder, [direction, port, value, width]: Row): void {
  builder.push(0, port, opOf(direction, width ?? 8), value);
}

function shown(content: SlotContent): number | string | readonly string[] {
  const write = (one: SlotWrite) => `${one.register.name}=${keptValue(one).toString(16).padStart(2, "0")}`;
  const value = heldValue(content);
  if (value !== undefined) return value;
  const open = openOf(content).map((one) => `|${write(one)}`);
  if (content.status === "known") return [...content.closed.map(write), ...open];
  return content.status === "unknown" ? `unknown: ${content.reason}` : content.status;
}

/** `["out", port, value]` for each value. */
export function outs(port: number, ...values: readonly number[]): Row[] {
  return values.map((value) => ["out", port, value]);
}

/** `["in", port, value]` for each value. */
export function ins(port: number, ...values: readonly number[]): Row[] {
  return values.map((value) => ["in", port, value]);
}
