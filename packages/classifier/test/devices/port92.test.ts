import { expect, test } from "vitest";
import { classify, outs } from "../support/classify.ts";

test("bit 0, which resets the processor, never comes back", () => {
  const { rows, slot } = classify(outs(0x92, 0x03), { ids: ["port92"] });
  expect(rows[0]?.verdict).toBe("state");
  expect(slot("port92", "PORT92")).toBe(0x02);
});
