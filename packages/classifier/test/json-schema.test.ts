import { expect, test } from "vitest";
import { parse } from "yaml";
import { need } from "../../../test-support/available.ts";
import { jsonSchemaValidator } from "../../../test-support/json-schema.ts";
import { builtinDescriptions } from "../src/index.ts";

const SCHEMA = new URL("../device.schema.json", import.meta.url);
const dataOf = (text: string): unknown => parse(text, { merge: true });

const latch = (registers: string) => `id: latch
title: An index and a data port
source: none, made for tests
each: { n: [0, 1] }
ports: { INDEX: 0, DATA: 1 }
instances: { latch: { base: 0x300 } }
state: { index: { bits: 1, reach: [{ do: [{ write: INDEX, put: A }] }] } }
registers: { ${registers} }
`;

test("JSON Schema takes every description that Portrait takes", (context) => {
  const validate = need(context, jsonSchemaValidator());
  const descriptions = builtinDescriptions();
  const errors = validate(
    SCHEMA,
    descriptions.map(({ text }) => dataOf(text)),
  );
  expect(new Map(descriptions.map(({ file }, i) => [file, errors[i]]))).toEqual(
    new Map(descriptions.map(({ file }) => [file, []])),
  );
});

test("JSON Schema refuses mistakes of form, where they are", (context) => {
  const validate = need(context, jsonSchemaValidator());
  const registers = [
    "R$n: { at: DATA, access: RW, when: { index: $n }, fill: R$n }",
    "R$n: { at: DATA, access: WR, when: { index: $n }, fill: R$n }",
    "R$n: { access: RW, when: { index: $n }, fill: R$n }",
    "R$n: { at: DATA, access: RW, when: { index: $n }, filll: R$n }",
    "R$n: { at: DATA, access: RW, match: xxx1, fill: R$n }",
    "R-1: { at: DATA, access: RW, fill: R1 }",
    "R1: { at: DATA, access: RW, fields: { A: [7, 0, 1] }, fill: R1 }",
  ];
  expect(
    validate(
      SCHEMA,
      registers.map((text) => dataOf(latch(text))),
    ),
  ).toEqual([
    [],
    ["registers/R$n/access"],
    ["registers/R$n"],
    ["registers/R$n"],
    ["registers/R$n/match"],
    ["registers"],
    ["registers/R1/fields/A"],
  ]);
});
