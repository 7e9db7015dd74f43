import { describe, expect, test } from "vitest";
import { builtinDescriptions, loadDescription, loadLibrary } from "../../src/index.ts";
import { prove } from "../../src/description/prove.ts";

const sources = builtinDescriptions();

describe.each(sources)("$file", ({ file, text }) => {
  const load = () => loadDescription(text, file, sources);

  test("reaches exactly one register in every state", () => {
    expect(prove(load())).toEqual([]);
  });

  test("is named after its device type and cites its source", () => {
    const device = load();
    expect(`${device.id}.yaml`).toBe(file);
    expect(device.source.length).toBeGreaterThan(10);
  });

  test("tells the user why it restores each slot", () => {
    const silent = load().slots.filter(({ why, title }) => why === undefined && title === undefined);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});

test("the built-in descriptions load as one library", () => {
  expect(loadLibrary(sources, { aliases: true }).devices).toHaveLength(sources.length);
});
