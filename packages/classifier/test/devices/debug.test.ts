import { expect, test } from "vitest";
import { classify, outs } from "../support/classify.ts";

test("POST codes and delays are commands, characters are transfers; nothing of it is state", () => {
  const rows = [0x80, 0xed, 0xe9, 0x402].flatMap((port) => outs(port, 0x41));
  const { registers, rows: seen, state } = classify(rows, { ids: ["debug"] });
  expect(registers).toEqual(["debug.POST", "debug.DELAY", "debug.BOCHS", "debug.SEABIOS"]);
  expect(seen.map(({ verdict }) => verdict)).toEqual(["command", "command", "transfer", "transfer"]);
  expect(state("debug").instance.device.slots).toEqual([]);
});
