import { z } from "zod";
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

const count = z.int().min(0).max(0xffffffff);
const fieldSchema: z.ZodType<FieldDescription> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    size: count,
    array_len: count.optional(),
    index: count.optional(),
    struct: structureSchema.optional(),
  }),
);
const structure = {
  vmsd_name: z.string().optional(),
  version: count.optional(),
  fields: z.array(fieldSchema).optional(),
  subsections: z.array(z.lazy(() => structureSchema)).optional(),
};
const structureSchema: z.ZodType<StructureDescription> = z.object(structure);
const descriptionSchema = z.object({
  devices: z.array(z.object({ name: z.string(), instance_id: count, ...structure })),
});

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
    return { sections: descriptionSchema.parse(JSON.parse(text)).devices, end: at - 1 };
  } catch (cause) {
    // Forged nesting ends as a RangeError of the parser's stack.
    const reason = cause instanceof z.ZodError ? (cause.issues[0]?.message ?? "") : String(cause);
    throw new StreamError("FORMAT", offset + at, `its description cannot be read: ${reason}`, { cause });
  }
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
