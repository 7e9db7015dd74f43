import { expect, test } from "vitest";
import { classify } from "../support/classify.ts";

test("the backdoor is named, of any width, and never replayed", () => {
  const seen = classify(
    [
      ["in", 0x5658, 0x564d5868, 32],
      ["out", 0x5658, 0x00, 8],
    ],
    { ids: ["vmware-backdoor"] },
  );
  expect(seen.rows).toMatchObject([
    { register: "backdoor.BACKDOOR", verdict: "read" },
    { register: "backdoor.BACKDOOR", verdict: "command" },
  ]);
  expect(seen.state("backdoor").instance.device.registers[0]?.never).toBeDefined();
});
