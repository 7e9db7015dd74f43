import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Available } from "./available.ts";
import { PYTHON, pythonWith } from "./python.ts";

/** Holds values to a JSON Schema: for each value the places of what is wrong in it, none where it is valid. */
export type JsonSchemaValidator = (schema: URL, values: readonly unknown[]) => readonly (readonly string[])[];

/** The jsonschema package of Debian's Python, which is not ours. */
export function jsonSchemaValidator(): Available<JsonSchemaValidator> {
  const python = pythonWith("jsonschema");
  return python.available ? { available: true, value: validate } : python;
}

const SCRIPT = `
import json, sys
from jsonschema import Draft7Validator
schema = json.load(open(sys.argv[1]))
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)
print(json.dumps([["/".join(map(str, error.path)) for error in validator.iter_errors(value)] for value in json.load(sys.stdin)]))
`;

function validate(schema: URL, values: readonly unknown[]): readonly (readonly string[])[] {
  const options = { input: JSON.stringify(values), maxBuffer: 1 << 28, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(PYTHON, ["-c", SCRIPT, fileURLToPath(schema)], options);
  if (status !== 0) throw new Error(`the values could not be held to the schema: ${stderr}`);
  return JSON.parse(stdout) as string[][];
}
