import { z } from "zod";
import { descriptionSchema, IS_ITEM, NAME } from "./schema.ts";

/** A `$` name of `each` may be a name, a part of one, a number, or one of a few words. */
const VARIABLE_NAME = "^[A-Za-z$][A-Za-z0-9_$]*$";
const VARIABLE_VALUE = { type: "string", pattern: "^(0x)?\\$[A-Za-z]" };

/** Names of `each` for whose values an item of a list stands. */
const REPEATED: z.core.JSONSchema.JSONSchema = {
  description: "names of each for whose values this stands",
  anyOf: [{ type: "string" }, { type: "array", items: { type: "string" }, minItems: 1 }],
};

/** What a description may leave to the one it extends. */
const EXTENDED = ["ports", "registers"];

/** A bound of an integer; one that JSON's numbers have anyway is none. */
const bound = z
  .number()
  .optional()
  .transform((value) => (value !== undefined && Math.abs(value) === Number.MAX_SAFE_INTEGER ? undefined : value));
const integerSchema = z.looseObject({
  type: z.literal("integer"),
  description: z.string().optional(),
  minimum: bound,
  maximum: bound,
});

/**
 * The form of a description file as JSON Schema (draft 7), for editors. It is that of the file as it is written, before `$` names are
 * replaced; what names mean, and whether every access reaches one register, only `loadDescription` knows.
 */
export function descriptionJsonSchema(): Record<string, unknown> {
  const {
    $schema,
    required = [],
    ...form
  } = z.toJSONSchema(descriptionSchema, {
    target: "draft-7",
    io: "input",
    override: ({ jsonSchema }) => {
      if (jsonSchema.pattern === NAME.source) jsonSchema.pattern = VARIABLE_NAME;
      if (!(IS_ITEM in jsonSchema)) return;
      delete jsonSchema[IS_ITEM];
      jsonSchema.properties = { ...jsonSchema.properties, each: REPEATED };
    },
  });
  return {
    $schema,
    title: "Portrait device description",
    ...withVariables(form),
    required: required.filter((key) => !EXTENDED.includes(key)),
    anyOf: [{ required: ["extends"] }, { required: EXTENDED }],
  };
}

const wordSchema = z.looseObject({
  type: z.literal("string"),
  description: z.string().optional(),
  enum: z.array(z.string()),
});

/** The schema in which every number, and every one of a few words, may be a `$` name. */
function withVariables(schema: object): object {
  return z.looseObject({}).parse(
    JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
      const one = z.union([integerSchema, wordSchema]).safeParse(value);
      if (!one.success) return value;
      const { description, ...form } = one.data;
      return { ...(description !== undefined && { description }), anyOf: [form, VARIABLE_VALUE] };
    }),
  );
}
