import type { FieldDescription, SectionDescription, StructureDescription } from "./description.ts";

/** How many are kept; a state whose layout is not among them is told of once more. */
const LAYOUT_LIMIT = 16;

/**
 * How the device sections of a QEMU are laid out, as far as its streams have told: each names only the fields and subsections that the
 * devices' state called for. QEMUs with the same command line have one in common.
 */
export class DeviceLayout {
  #layouts: readonly (readonly SectionDescription[])[] = [];

  /** The one that was told of last; undefined until a stream has been seen. */
  get sections(): readonly SectionDescription[] | undefined {
    return this.#layouts[0];
  }

  /** One for each set of fields that was told of, the last first. */
  get all(): readonly (readonly SectionDescription[])[] {
    return this.#layouts;
  }

  /** Takes a stream's own description. */
  learn(description: readonly SectionDescription[]): void {
    const same = this.#layouts.find((one) => haveSameSections(one, description));
    const others = this.#layouts.filter((one) => one !== same);
    const known = description.map((section, i) => (same?.[i] === undefined ? section : joined(section, same[i])));
    this.#layouts = [known, ...others].slice(0, LAYOUT_LIMIT);
  }
}

function haveSameSections(some: readonly SectionDescription[], others: readonly SectionDescription[]): boolean {
  const isSame = (one: SectionDescription, other: SectionDescription) =>
    one.name === other.name &&
    one.instance_id === other.instance_id &&
    one.version === other.version &&
    haveSameFields(one, other);
  return inPairs(some, others, isSame);
}

/** True where both have the same fields, those of their subsections aside. */
function haveSameFields({ fields = [] }: StructureDescription, { fields: others = [] }: StructureDescription): boolean {
  const isSame = (one: FieldDescription, other: FieldDescription) =>
    one.name === other.name &&
    one.size === other.size &&
    one.array_len === other.array_len &&
    haveSameFields(one.struct ?? {}, other.struct ?? {});
  return inPairs(fields, others, isSame);
}

function inPairs<T>(some: readonly T[], others: readonly T[], isSame: (one: T, other: T) => boolean): boolean {
  const same = (one: T, i: number) => {
    const other = others[i];
    return other !== undefined && isSame(one, other);
  };
  return some.length === others.length && some.every(same);
}

/** `now` with the subsections that `before`, which has the same fields, had as well. */
function joined<T extends StructureDescription>(now: T, before: StructureDescription): T {
  const { fields = [], subsections = [] } = now;
  const earlier = before.subsections ?? [];
  const known = subsections.map((one) => {
    const same = earlier.find(({ vmsd_name }) => vmsd_name === one.vmsd_name);
    return same === undefined ? one : joined(one, same);
  });
  const more = earlier.filter((one) => subsections.every(({ vmsd_name }) => vmsd_name !== one.vmsd_name));
  return {
    ...now,
    fields: fields.map((field, i) => joinedField(field, before.fields?.[i])),
    subsections: [...known, ...more],
  };
}

function joinedField(now: FieldDescription, before: FieldDescription | undefined): FieldDescription {
  if (now.struct === undefined || before?.struct === undefined || now.name !== before.name) return now;
  return { ...now, struct: joined(now.struct, before.struct) };
}
