import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { makePlan, type Plan } from "@portrait/replayer";
import { BatchBuilder, opOf } from "@portrait/tracer";
import { expect, test } from "vitest";
import { classifierAfter } from "./guest.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** Feeds bytes written to ports, numbered from 0 as on a machine of its own. */
function feed(classifier: Classifier, writes: readonly (readonly [port: number, value: number])[]): void {
  const builder = new BatchBuilder((batch) => classifier.feed(batch));
  for (const [port, value] of writes) builder.push(0, port, opOf("out", 8), value);
  builder.flush();
}

const writes = ({ steps }: Plan) => steps.flatMap((step) => (step.op === "out" ? [[step.port, step.value]] : []));

const program = [
  [0x43, 0x34],
  [0x40, 0xa9],
  [0x40, 0x04],
] as const;
const anotherCount = [
  [0x40, 0x22],
  [0x40, 0x33],
] as const;

test("what a moved guest writes comes after what the plan wrote for it", () => {
  const first = new Classifier(library, { fromReset: true });
  feed(first, program);
  const second = classifierAfter(makePlan(first), library);
  feed(second, anotherCount);
  const plan = makePlan(second);
  expect(plan.unknown).toEqual([]);
  expect(writes(plan)).toEqual([program[0], ...anotherCount]);
});

test("a moved guest's plan counts and names the accesses of its new machine only", () => {
  const first = new Classifier(library, { fromReset: true });
  feed(first, program);
  const second = classifierAfter(makePlan(first), library);
  feed(second, anotherCount);
  const plan = makePlan(second);
  expect(plan.counts).toEqual({ accesses: 2, kept: 2, steps: 3 });
  expect(plan.steps.map(({ from }) => from)).toEqual([[], [0], [1]]);
});
