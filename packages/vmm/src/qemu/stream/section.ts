import type { DeviceField } from "../../machine.ts";

/** What a section is made of. */
export interface SectionParts {
  readonly name: string;
  readonly instance: number;
  readonly bytes: Uint8Array;
  readonly fieldCount: number;
  /** The section's fields, from its bytes. */
  readonly decode: () => readonly DeviceField[];
}

/** One device's section of a stream. Its fields are decoded when they are asked for. */
export class StreamSection {
  readonly name: string;
  readonly instance: number;
  /** The whole section with header and footer. */
  readonly bytes: Uint8Array;
  /** How many {@link fields} there are. */
  readonly fieldCount: number;
  readonly #decode: () => readonly DeviceField[];
  #fields: readonly DeviceField[] | undefined;

  constructor({ name, instance, bytes, fieldCount, decode }: SectionParts) {
    this.name = name;
    this.instance = instance;
    this.bytes = bytes;
    this.fieldCount = fieldCount;
    this.#decode = decode;
  }

  /** Its fields in stream order, their paths beginning with `name[instance]`. */
  get fields(): readonly DeviceField[] {
    this.#fields ??= this.#decode();
    return this.#fields;
  }
}
