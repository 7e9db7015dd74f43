import fc from "fast-check";
import { expect, test } from "vitest";
import { portionsTo } from "./portions.ts";

/** Distances below `end` that portions lead to, each by what is tried one after the other. */
function within(end: number, { least, most, unit, more }: Parameters<typeof portionsTo>[1]): Set<number> {
  const reached = new Set([0]);
  for (const from of reached)
    for (let portion = least; portion <= most && from + portion + more < end; portion += unit)
      reached.add(from + portion + more);
  return reached;
}

test("a distance is divided into portions as they may be wherever any lead there", () => {
  const units = fc.record({ unit: fc.constantFrom(1, 2, 4), least: fc.nat(8), size: fc.nat(8), more: fc.nat(4) });
  fc.assert(
    fc.property(units, ({ unit, least: low, size, more: behind }) => {
      const least = (low + 1) * unit;
      const how = { unit, least, most: least + size * unit, more: behind * unit };
      const reached = within(200, how);
      for (let distance = 0; distance < 200; distance++) {
        const portions = portionsTo(distance, how);
        expect([distance, portions !== undefined]).toEqual([distance, reached.has(distance)]);
        for (const portion of portions ?? []) {
          expect(portion).toBeGreaterThanOrEqual(how.least);
          expect(portion).toBeLessThanOrEqual(how.most);
          expect(portion % unit).toBe(0);
        }
        const whole = portions?.reduce((sum, portion) => sum + portion + how.more, 0);
        expect(whole ?? distance).toBe(distance);
      }
    }),
  );
});

test("a way back is none, and no more portions are taken than a plan may have", () => {
  const how = { least: 1, most: 1, unit: 1, more: 0 };
  expect([portionsTo(-1, how), portionsTo(257, how)]).toEqual([undefined, undefined]);
  expect(portionsTo(256, how)).toHaveLength(256);
});
