import { expect, test } from "vitest";
import { DescriptionError, loadDescription } from "../../src/index.ts";

const text = (slots: string) => `
id: box
title: A box
source: made up for this test
ports: { A: 0 }
instances: { box: { base: 0 } }
registers: { A: { at: A, access: RW, fill: A } }
deviations: [{ engine: v86, what: reads as 0, slots: [${slots}] }]
`;

test("a deviation names the slots an engine does not bring back", () => {
  const [one] = loadDescription(text("A"), "box.yaml").deviations;
  expect([one?.engine, one?.what, one?.slots.map(({ name }) => name)]).toEqual(["v86", "reads as 0", ["A"]]);
});

test("a deviation of a slot that is not there is refused with its place", () => {
  expect(() => loadDescription(text("B"), "box.yaml")).toThrow(
    new DescriptionError("box.yaml", [
      { path: ["deviations", 0, "slots"], message: 'no slot "B"; there is A', line: 8, column: 47 },
    ]),
  );
});
