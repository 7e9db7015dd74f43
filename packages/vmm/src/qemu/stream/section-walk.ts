import type { DeviceField } from "../../machine.ts";
import type { FieldDescription, SectionDescription, StructureDescription } from "./description.ts";
import { StreamError } from "./errors.ts";
import { decodeField, fieldsIn } from "./field-values.ts";
import { FOOTER_BYTES, PART } from "./layout.ts";
import { StreamSection } from "./section.ts";

/** Fields of one stream; far more than a PC has (some 9,000). */
const FIELD_LIMIT = 1 << 18;

/**
 * Which of the described subsections are there. `all`: the description is the stream's own. `some`: it is of other streams of the same
 * QEMU, and subsections come and go with the device's state.
 */
export interface WalkOptions {
  readonly subsections: "all" | "some";
}

/** A walk over device sections, led by their description. */
export class SectionWalk {
  readonly #bytes: Buffer;
  readonly #offset: number;
  readonly #subsections: WalkOptions["subsections"];
  #at = 0;
  #walked = 0;
  #fieldCount = 0;
  /** Where decoded fields go; undefined: they are counted and passed over. */
  #fields: DeviceField[] | undefined;

  /** `offset` is the bytes' place in the stream. */
  constructor(bytes: Buffer, offset: number, { subsections }: WalkOptions) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#subsections = subsections;
  }

  /** Reads the next section. One whose bytes are those of `known` is taken from there. @throws StreamError */
  section(description: SectionDescription, known?: StreamSection): StreamSection {
    const { name, instance_id: instance, version } = description;
    const start = this.#at;
    if (known !== undefined) {
      const end = start + known.bytes.length;
      if (this.#bytes.subarray(start, end).equals(known.bytes)) {
        this.#at = end;
        return known;
      }
    }
    this.#expect(PART.sectionFull, `section "${name}"`);
    const number = this.#take(4).readUInt32BE(0);
    const found = this.#name();
    const header = this.#take(8);
    const fits = found === name && header.readUInt32BE(0) === instance;
    if (!fits || header.readUInt32BE(4) !== (version ?? header.readUInt32BE(4))) {
      throw this.#error(`section "${found}" where its description has "${name}" ${instance}`);
    }
    this.#fieldCount = 0;
    const body = this.#at;
    this.#structure(description, `${name}[${instance}]`);
    const content = this.#bytes.subarray(body, this.#at);
    const footer = this.#take(FOOTER_BYTES);
    if (footer[0] !== PART.footer || footer.readUInt32BE(1) !== number) {
      throw this.#error(`section "${name}" does not end where its description says`);
    }
    const decode = () => {
      const walk = new SectionWalk(content, this.#offset + body, { subsections: this.#subsections });
      return walk.#decoded(description);
    };
    const bytes = this.#bytes.subarray(start, this.#at);
    return new StreamSection({ name, instance, bytes, fieldCount: this.#fieldCount, decode });
  }

  #decoded(description: SectionDescription): DeviceField[] {
    this.#fields = [];
    this.#structure(description, `${description.name}[${description.instance_id}]`);
    return distinct(this.#fields);
  }

  /** @throws StreamError */
  expectEnd(): void {
    if (this.#at !== this.#bytes.length) throw this.#error("a section that its description does not have");
  }

  #structure({ fields = [], subsections = [] }: StructureDescription, path: string): void {
    for (const field of fields) this.#field(field, this.#fields === undefined ? "" : `${path}.${field.name}`);
    if (this.#subsections === "all") for (const subsection of subsections) this.#subsection(subsection, path);
    else {
      const here = () => subsections.find((subsection) => this.#stands(subsection));
      for (let next = here(); next !== undefined; next = here()) this.#subsection(next, path);
    }
  }

  #subsection(subsection: StructureDescription, path: string): void {
    const name = subsection.vmsd_name ?? "";
    this.#expect(PART.subsection, `subsection "${name}"`);
    if (this.#name() !== name || this.#take(4).readUInt32BE(0) !== (subsection.version ?? 0)) {
      throw this.#error(`another subsection where its description has "${name}"`);
    }
    this.#structure(subsection, `${path}/${name.replace(/^.*\//, "")}`);
  }

  /** True when the subsection comes next: QEMU itself tells it by its mark and name. */
  #stands({ vmsd_name = "" }: StructureDescription): boolean {
    const head = Buffer.from([PART.subsection, Buffer.byteLength(vmsd_name), ...Buffer.from(vmsd_name)]);
    return this.#bytes.subarray(this.#at, this.#at + head.length).equals(head);
  }

  #field(field: FieldDescription, path: string): void {
    if (field.array_len === undefined) {
      this.#element(field, field.index === undefined ? path : `${path}[${field.index}]`);
      return;
    }
    for (let i = 0; i < field.array_len; i++) this.#element(field, this.#fields === undefined ? "" : `${path}[${i}]`);
  }

  #element({ name, type, size, struct }: FieldDescription, path: string): void {
    if (++this.#walked > FIELD_LIMIT) throw this.#error(`more than ${FIELD_LIMIT} fields`);
    if (struct === undefined) {
      const bytes = this.#take(size);
      this.#fieldCount += fieldsIn(type, bytes);
      if (this.#fields !== undefined) for (const field of decodeField(path, type, bytes)) this.#fields.push(field);
      return;
    }
    const start = this.#at;
    this.#structure(struct, path);
    if (this.#subsections === "all" && this.#at - start !== size)
      throw this.#error(`"${name}" has ${this.#at - start} bytes, not ${size}`);
  }

  #expect(type: number, what: string): void {
    if (this.#take(1)[0] !== type) throw this.#error(`no ${what} where its description has one`);
  }

  #name(): string {
    const [length = 0] = this.#take(1);
    return this.#take(length).toString("utf8");
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.#error("its device sections are shorter than their description says");
    const piece = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return piece;
  }

  #error(what: string): StreamError {
    return new StreamError("FORMAT", this.#offset + this.#at, what);
  }
}

/** Fields with paths of their own: QEMU writes some twice (`channels[0].next_transition_time`); the second gets `#2`. */
function distinct(fields: readonly DeviceField[]): DeviceField[] {
  const seen = new Map<string, number>();
  return fields.map(({ path, value }) => {
    const times = (seen.get(path) ?? 0) + 1;
    seen.set(path, times);
    return { path: times === 1 ? path : `${path}#${times}`, value };
  });
}
