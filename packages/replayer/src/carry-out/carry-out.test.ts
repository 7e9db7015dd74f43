import { expect, test } from "vitest";
import type { PlanStep } from "../plan/plan.ts";
import type { PortTarget } from "../target/port-target.ts";
import { carryOut } from "./carry-out.ts";

const STATUS = 0x3f6;
const DATA = 0x1f0;
const [BUSY, READY] = [0x80, 0x08];
const drain: PlanStep = {
  ...{ op: "drain", status: STATUS, mask: READY, busy: BUSY, port: DATA, width: 16, limit: 256 },
  ...{ device: "ata1", register: "DATA", from: [], why: "reads answers away", risk: "safe" },
};

/** A device with this to show in its status register, again and again the last. */
function showing(statuses: readonly number[]): PortTarget & { asked: number; read: number } {
  const target = { name: "device", asked: 0, read: 0, perform };
  function perform(operations: Parameters<PortTarget["perform"]>[0]) {
    const answers = operations.map(({ port }) => {
      if (port !== STATUS) return target.read++;
      return statuses[Math.min(target.asked++, statuses.length - 1)] ?? 0;
    });
    return Promise.resolve(answers);
  }
  return target;
}

test("answers are read away as long as there are any, of a device that is busy in between as well", async () => {
  const target = showing([BUSY, READY, BUSY, BUSY, READY, READY, 0]);
  expect(await carryOut([drain], target)).toMatchObject({ drained: 3, accesses: 10 });
  expect(target.read).toBe(3);
});

test("a device that is busy for good is not asked for ever", async () => {
  const target = showing([0xff]);
  expect(await carryOut([drain], target)).toMatchObject({ drained: 0 });
  expect(target.asked).toBeLessThan(100_000);
});
