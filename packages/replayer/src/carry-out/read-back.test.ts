import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { BatchBuilder, opOf } from "@portrait/tracer";
import { expect, test } from "vitest";
import { makePlan } from "../plan/make-plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { readSource } from "./read-back.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });
/** Miscellaneous Output: the CRT controller answers at 3D4h. */
const MISC_OUTPUT = 0x67;
const INDEX = 0x3d4;
const DATA = 0x3d5;

/** A display whose CRT controller, at 3D4h, holds in each register what its index and 80h make. */
function display(): PortTarget {
  let index = 0;
  return {
    name: "display",
    perform: (operations) =>
      Promise.resolve(
        operations.map((one) => {
          if (one.direction === "out" && one.port === INDEX) index = one.value;
          return one.port === DATA ? index | 0x80 : MISC_OUTPUT;
        }),
      ),
  };
}

test("registers that changed by themselves come back each with its own value", async () => {
  const classifier = new Classifier(library, { fromReset: true });
  const builder = new BatchBuilder((batch) => classifier.feed(batch));
  builder.push(0, 0x3c2, opOf("out", 8), MISC_OUTPUT);
  for (const index of [0x0a, 0x0e, 0x13]) {
    builder.push(0, INDEX, opOf("out", 8), index);
    builder.push(0, DATA, opOf("out", 8), 0x11);
  }
  builder.flush();
  await readSource(classifier, display());
  const written = makePlan(classifier).steps.flatMap((step) =>
    step.op === "out" && step.why.endsWith("read at the source") ? [[step.register, step.value]] : [],
  );
  expect(written).toEqual(
    expect.arrayContaining([
      ["CR0A", 0x8a],
      ["CR0E", 0x8e],
      ["CR13", 0x93],
    ]),
  );
});
