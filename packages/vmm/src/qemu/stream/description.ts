import { messageOf } from "@portrait/tracer";
import { PART } from "./layout.ts";
import { StreamError } from "./errors.ts";

/** A field of a section as the stream describes it: `size` bytes, `array_len` times; a structure where it has one. */
export interface FieldDescription {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly array_len?: number | undefined;
  /** Which element of an array it is, where elements are described one by one. */
  readonly index?: number | undefined;
  readonly struct?: StructureDescription | undefined;
}

/** Fields, and the subsections after them. */
export interface StructureDescription {
  readonly vmsd_name?: string | undefined;
  readonly version?: number | undefined;
  readonly fields?: readonly FieldDescription[] | undefined;
  readonly subsections?: readonly StructureDescription[] | undefined;
}

/** A section as the stream describes it. */
export interface SectionDescription extends StructureDescription {
  readonly name: string;
  readonly instance_id: number;
}

/** A stream's description of its sections, and where in the tail the sections end. */
export interface Description {
  readonly sections: readonly SectionDescription[];
  /** Position of the mark after the last section. */
  readonly end: number;
}

/** Finds and reads the description, which is the last part of the stream. `offset` is the tail's place in it. @throws StreamError */
export function readDescription(tail: Buffer, offset: number): Description {
  const at = findDescription(tail);
  if (at === undefined) {
    const reason = "it ends without its description: cut off, or made with suppress-vmdesc=on";
    throw new StreamError("TRUNCATED", offset + tail.length, reason);
  }
  try {
    const text = tail.toString("utf8", at + HEAD_BYTES);
    return { sections: sectionsIn(JSON.parse(text)), end: at - 1 };
  } catch (cause) {
    // Forged nesting ends as a RangeError of the parser's stack.
    throw new StreamError("FORMAT", offset + at, `its description cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Whether this is the end of a stream with all of its description, behind which nothing comes. */
export function hasDescription(tail: Buffer): boolean {
  return findDescription(tail) !== undefined;
}

const HEAD_BYTES = 5;
const OPENING_BRACE = 0x7b;

/** Where the description begins: after the end mark, with a length that reaches exactly to the end of the stream. */
function findDescription(tail: Buffer): number | undefined {
  for (let at = tail.indexOf(PART.description, 1); at >= 0; at = tail.indexOf(PART.description, at + 1)) {
    if (at + HEAD_BYTES >= tail.length) return undefined;
    const fits = tail.readUInt32BE(at + 1) === tail.length - at - HEAD_BYTES;
    if (fits && tail[at - 1] === PART.end && tail[at + HEAD_BYTES] === OPENING_BRACE) return at;
  }
  return undefined;
}

/** The sections a parsed description lists. Checked by hand, because the guest stands still meanwhile. @throws TypeError */
function sectionsIn(description: unknown): readonly SectionDescription[] {
  const devices = recordOf(description, "the description")["devices"];
  if (!Array.isArray(devices)) throw new TypeError("it lists no devices");
  return devices.map((device: unknown) => sectionOf(recordOf(device, "a device")));
}

function sectionOf(device: Parsed): SectionDescription {
  const name = textOf(device, "name");
  return { name, instance_id: countOf(device, "instance_id"), ...structureOf(device) };
}

function structureOf(parsed: Parsed): StructureDescription {
  return {
    vmsd_name: optional(parsed, "vmsd_name", textOf),
    version: optional(parsed, "version", countOf),
    fields: optional(parsed, "fields", fieldsOf),
    subsections: optional(parsed, "subsections", subsectionsOf),
  };
}

function fieldOf(parsed: Parsed): FieldDescription {
  return {
    name: textOf(parsed, "name"),
    type: textOf(parsed, "type"),
    size: countOf(parsed, "size"),
    array_len: optional(parsed, "array_len", countOf),
    index: optional(parsed, "index", countOf),
    struct: optional(parsed, "struct", structOf),
  };
}

function fieldsOf(from: Parsed, key: string): readonly FieldDescription[] {
  return listOf(from, key).map((field) => fieldOf(recordOf(field, key)));
}

function subsectionsOf(from: Parsed, key: string): readonly StructureDescription[] {
  return listOf(from, key).map((subsection) => structureOf(recordOf(subsection, key)));
}

function structOf(from: Parsed, key: string): StructureDescription {
  return structureOf(recordOf(from[key], key));
}

/** What a JSON text had between braces. */
type Parsed = Readonly<Record<string, unknown>>;

function recordOf(value: unknown, what: string): Parsed {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError(`${what} is no object`);
  return value as Parsed;
}

function optional<T>(from: Parsed, key: string, read: (from: Parsed, key: string) => T): T | undefined {
  return from[key] === undefined ? undefined : read(from, key);
}

function textOf(from: Parsed, key: string): string {
  const value = from[key];
  if (typeof value === "string") return value;
  throw new TypeError(`"${key}" is no text`);
}

function countOf(from: Parsed, key: string): number {
  const value = from[key];
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  throw new TypeError(`"${key}" is no number of 32 bits`);
}

function listOf(from: Parsed, key: string): readonly unknown[] {
  const value = from[key];
  if (Array.isArray(value)) return value;
  throw new TypeError(`"${key}" is no list`);
}
