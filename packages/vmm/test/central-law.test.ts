import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CentralLaw } from "./law/central-law.ts";
import { createDeviceBench, type DeviceBench } from "./law/device-bench.ts";
import { sequences, type DeviceGroup } from "./law/device-group.ts";
import { chipset, deviceGroups } from "./law/groups/all.ts";

/** More sequences, each time others: `PORTRAIT_LAW_RUNS=20000 vitest run packages/vmm/test/central-law.test.ts`. */
const MORE = process.env["PORTRAIT_LAW_RUNS"];
const RUNS = Number(MORE ?? 300);
const SEED = MORE === undefined ? 8259 : Date.now() & 0x7fffffff;
const TIMEOUT_MS = 30_000 + 50 * RUNS;

const library = loadLibrary(builtinDescriptions(), { aliases: false });
let source: DeviceBench;
let destination: DeviceBench;

beforeAll(async () => {
  source = await createDeviceBench("source");
  destination = await createDeviceBench("destination");
});

afterAll(async () => {
  await source.destroy();
  await destination.destroy();
});

/** What trying a group's sequences gave; `failure` is of the test that is about them. */
interface Trial {
  readonly law: CentralLaw;
  readonly failure: unknown;
}

async function tryAll(group: DeviceGroup): Promise<Trial> {
  const law = new CentralLaw(library, group, source, destination);
  const property = fc.asyncProperty(sequences(group), (accesses) => law.hold(accesses));
  try {
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    return { law, failure: undefined };
  } catch (failure) {
    return { law, failure };
  }
}

function expectHeld({ law, failure }: Trial): void {
  if (failure !== undefined) throw failure;
  expect(law.held).toBe(RUNS);
}

describe.each(deviceGroups)("$name: the plan leaves v86's own state as the whole sequence does", (group) => {
  let tried: Promise<Trial> | undefined;
  const trial = () => (tried ??= tryAll(group));

  test(`for ${RUNS} sequences`, async () => expectHeld(await trial()), TIMEOUT_MS);

  test(`in every field; of no account are ${group.idle.join(", ") || "none"}`, async () => {
    const { law, failure } = await trial();
    if (failure !== undefined) return; // not all sequences were tried; the first test tells why
    const idle = [...law.coverage].filter(([, { moved }]) => moved === 0).map(([path]) => path);
    expect(idle.filter((path) => !group.idle.includes(path))).toEqual([]);
  });

  const apart = [...group.avoided, ...group.completions, ...group.excuses];
  test.each(apart.map(({ why }) => [why]))("apart from: %s", async (why) => {
    const { law, failure } = await trial();
    if (failure !== undefined) return; // see above
    expect(law.used.get(why) ?? 0).toBeGreaterThan(0);
  });
});

test(`${chipset.name}: so it does for ${RUNS} sequences`, async () => expectHeld(await tryAll(chipset)), TIMEOUT_MS);
