import { expect, test } from "vitest";
import { rehearseSections } from "./rehearsal.ts";

test("what is rehearsed reads like a real stream, and half of its devices differ", () => {
  const { source, destination } = rehearseSections();
  expect(source.length).toBeGreaterThan(0);
  expect(destination.map(({ name }) => name)).toEqual(source.map(({ name }) => name));
  expect(destination.map((section, i) => section === source[i])).toEqual(source.map((_, i) => i % 2 === 0));
  const fields = source[0]?.fields.map(({ path }) => path) ?? [];
  expect(source[0]?.fieldCount).toBe(fields.length);
  expect(fields).toEqual(
    expect.arrayContaining([
      "rehearsal0[0].lines[15]",
      "rehearsal0[0].memory[127]",
      "rehearsal0[0].channels[2].due",
      "rehearsal0[0]/more.mode",
    ]),
  );
});
