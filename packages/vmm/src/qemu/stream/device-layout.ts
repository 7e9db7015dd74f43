import type { FieldDescription, SectionDescription, StructureDescription } from "./description.ts";

/**
 * How the device sections of a QEMU are laid out, as far as its streams have told: each names only the subsections that the
 * devices' state called for. QEMUs with the same command line have one in common.
 */
export class DeviceLayout {
  #sections: readonly SectionDescription[] | undefined;

  /** Undefined until a stream has been seen. */
  get sections(): readonly SectionDescription[] | undefined {
    return this.#sections;
  }

  /** Takes a stream's own description. */
  learn(description: readonly SectionDescription[]): void {
    const before = this.#sections;
    this.#sections = description.map((section) => {
      const same = before?.find((one) => one.name === section.name && one.instance_id === section.instance_id);
      return same === undefined ? section : { ...section, ...joined(section, same) };
    });
  }
}

/** `now` with the subsections that `before` had as well, wherever both have the same fields. */
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
