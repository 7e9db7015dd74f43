import { expect, test } from "vitest";
import { classify, outs } from "../support/classify.ts";

test("clearing busy and resetting the coprocessor are commands, and no plan resets it", () => {
  const { rows, state } = classify([...outs(0xf0, 0), ...outs(0xf1, 0)], { ids: ["fpu"] });
  expect(rows.map(({ register, verdict }) => [register, verdict])).toEqual([
    ["fpu.CLEAR_BUSY", "command"],
    ["fpu.RESET", "command"],
  ]);
  const { registers } = state("fpu").instance.device;
  expect(registers.map(({ never }) => never)).toEqual([undefined, "it resets the coprocessor"]);
});
