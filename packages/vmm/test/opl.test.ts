import { builtinDescriptions, loadLibrary, type Library } from "@portrait/classifier";
import { describe, expect, test } from "vitest";
import { fuzz, type FuzzOptions } from "../src/index.ts";
import { out } from "../src/fuzz/accesses.ts";
import { dbopl } from "./support/dbopl-engine.ts";

const CASES = Number(process.env["PORTRAIT_OPL_CASES"] ?? 1000);
const TIMEOUT_MS = 60_000 + 10 * CASES;

const sources = builtinDescriptions();
const library = loadLibrary(sources, { aliases: false });

function fuzzOpl(of: Library, options: Partial<FuzzOptions> = {}) {
  const instances = of.instances.filter(({ device }) => device.id === "opl2");
  return fuzz(of, { instances, cases: CASES, seed: 3812, engine: dbopl, ...options });
}

describe("DOSBox's OPL2", () => {
  test("is laid out as these tests read it", async () => {
    const bench = await dbopl.start();
    const set = (register: number, value: number) => bench.ports.perform([out(0x388, register), out(0x389, value)]);
    const shown = async (...paths: readonly string[]) => {
      const [section] = await bench.dump();
      return paths.map((path) => section?.fields.find((field) => field.path === `opl2[0].${path}`)?.value);
    };
    for (const [register, value] of [
      [0x35, 0x2f],
      [0x55, 0x41],
      [0xc8, 0x0f],
      [0xb8, 0x20],
      [0xbd, 0x40],
    ] as const)
      await set(register, value);
    expect(
      await shown("chan[8].op[1].reg20", "chan[8].op[1].reg40", "chan[8].regC0", "chan[8].op[0].keyOn", "regBD"),
    ).toEqual([0x2f, 0x41, 0x0f, 1, 0x40]);
    await bench.reset();
    expect((await bench.dump())[0]?.fields).toEqual(bench.powerOn[0]?.fields);
  });

  test(`is left by the plan as by the whole sequence, for ${CASES} sequences`, { timeout: TIMEOUT_MS }, async () => {
    const report = await fuzzOpl(library);
    expect(report.failures.map(({ trial }) => [trial.findings, trial.accesses])).toEqual([]);
    expect(report).toMatchObject({ cases: CASES, failed: 0, notCompared: 0 });
    // Time, and what only an OPL3 has.
    const still = ["old0", "old1", "fourMask", "maskLeft", "maskRight"].map((field) => `opl2[].chan[].${field}`);
    const chip = ["reg104", "reg04", "vibratoIndex", "tremoloIndex", "vibratoSign", "vibratoShift", "tremoloValue"];
    const wave = ["volume", "rateIndex"].map((field) => `opl2[].chan[].op[].${field}`);
    const all = [...wave, ...still, ...[...chip, "opl3Active"].map((field) => `opl2[].${field}`)];
    expect([...report.fields.notMoved].sort()).toEqual(all.sort());
  });

  test.each([
    ["a frequency is one for all channels", "FREQUENCY: { rank: 2, key: index,", "FREQUENCY: { rank: 2,"],
    ["a key is one for all channels", "KEY_ON: { rank: 6, key: index,", "KEY_ON: { rank: 6,"],
    ["a level loses a bit", "TOTAL_LEVEL: [5, 0], KSL: [7, 6] }", "TOTAL_LEVEL: [5, 0], KSL: [7, 6] }, keep: 0x7f"],
  ])("finds that %s", { timeout: TIMEOUT_MS }, async (_, from, to) => {
    const broken = sources.map(({ file, text }) => ({
      file,
      text: file === "opl2.yaml" ? text.replace(from, to) : text,
    }));
    expect(broken).not.toEqual(sources);
    const report = await fuzzOpl(loadLibrary(broken, { aliases: false }), { cases: 200 });
    expect(report.failed).toBeGreaterThan(0);
  });
});
