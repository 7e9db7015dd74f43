import { expect, test } from "vitest";
import { rehearseScan, rehearseSections } from "./rehearsal.ts";

test("what is rehearsed reads like a real stream, and half of its devices differ", () => {
  const { source, destination } = rehearseSections();
  expect(source.length).toBeGreaterThan(0);
  expect(destination.map(({ name }) => name)).toEqual(source.map(({ name }) => name));
  expect(destination.map((section, i) => section === source[i])).toEqual(source.map((_, i) => i % 2 === 0));
  const fields = source[0]?.fields.map(({ path }) => path) ?? [];
  expect(source[0]?.fieldCount).toBe(fields.length);
  expect(fields).toEqual(
    expect.arrayContaining([
      "0000:00:01.1/ide[0].lines[15]",
      "0000:00:01.1/ide[0].memory[63]",
      "0000:00:01.1/ide[0].bus[1].ifs[1].error",
      "0000:00:01.1/ide[0]/more.mode",
    ]),
  );
});

test("a whole stream that is rehearsed is one", () => {
  expect(rehearseScan).not.toThrow();
});
