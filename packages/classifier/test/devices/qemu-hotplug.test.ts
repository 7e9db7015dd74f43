import { expect, test } from "vitest";
import { classify, type Row } from "../support/classify.ts";

const hotplug = (rows: readonly Row[]) => classify(rows, { ids: ["qemu-hotplug"] });

test("event enables are kept, event status is only cleared", () => {
  const seen = hotplug([
    ["out", 0xafe2, 0x02],
    ["out", 0xafe0, 0x02],
  ]);
  expect(seen.rows.map(({ register, verdict }) => [register, verdict])).toEqual([
    ["hotplug.GPE0_EN0", "state"],
    ["hotplug.GPE0_STS0", "command"],
  ]);
  expect(seen.slot("hotplug", "GPE0_EN0")).toBe(0x02);
});

test("nothing that takes a device or a processor away is written again", () => {
  const { registers } = hotplug([]).state("hotplug").instance.device;
  const never = registers.filter((register) => register.never !== undefined).map(({ name }) => name);
  expect(never).toEqual(["EJECT", "CPU", "CPU_FLAGS", "CPU_DATA", "GPE0_STS0", "GPE0_STS1"]);
});
