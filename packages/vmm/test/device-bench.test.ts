import fc from "fast-check";
import { expect, test } from "vitest";
import { v86Deviations } from "../src/v86/deviations.ts";
import { compareDevices } from "../src/migration/compare-devices.ts";
import { operationOf, type PortAccess } from "../src/fuzz/accesses.ts";
import { createDeviceBench, type DeviceBench } from "./law/device-bench.ts";
import { sequences } from "./law/device-group.ts";
import { deviceGroups } from "./law/groups/all.ts";

/** A run over all groups: what the devices hold at the end and what reads gave, but for counters, which show the time. */
async function trace(bench: DeviceBench, accesses: readonly PortAccess[]): Promise<readonly number[]> {
  const values = await bench.ports.perform(accesses.map(operationOf));
  return values.filter((_, i) => ![0x40, 0x41, 0x42, 0x61].includes(accesses[i]?.port ?? 0));
}

const runs = (seed: number) =>
  deviceGroups.flatMap((group) => fc.sample(sequences(group), { seed, numRuns: 20 })).flat();

test("a bench that is put back is a machine just made: the same state, and the same answers to the same accesses", async () => {
  const used = await createDeviceBench("used");
  const made = await createDeviceBench("just made");
  const powerOn = made.fields();
  await trace(used, runs(1));
  expect(compareDevices(used.fields(), powerOn, []).different.length).toBeGreaterThan(100);
  used.reset();
  expect(compareDevices(used.fields(), powerOn, []).different).toEqual([]);
  const probe = runs(2);
  expect(await trace(used, probe)).toEqual(await trace(made, probe));
  const clocks = v86Deviations.filter(({ path }) => /time|interrupt|start_value/.test(path));
  const latches = [{ path: "pit.counter_latch_value[*]", why: "a count, which shows the time" }];
  expect(compareDevices(used.fields(), made.fields(), [...clocks, ...latches]).different).toEqual([]);
  await used.destroy();
  await made.destroy();
});
