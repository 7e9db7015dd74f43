import { expect, test } from "vitest";
import { shrink } from "./shrink.ts";

const holds = (test: (items: readonly number[]) => boolean) => (items: readonly number[]) =>
  Promise.resolve(test(items));
const smaller = (item: number) => Array.from({ length: item }, (_, value) => value);

test("leaves what the failure needs, in order, and in its simplest form", async () => {
  const fails = holds((items) => items.some((item, i) => item > 2 && items.slice(i).some((other) => other % 7 === 6)));
  const items = Array.from({ length: 60 }, (_, i) => (i * 37) % 100);
  expect(await shrink(items, fails, smaller, 10_000)).toEqual([6]);
  const pair = holds((left) => left.indexOf(50) >= 0 && left.indexOf(51) > left.indexOf(50));
  expect(await shrink([1, 50, 2, 3, 51, 4], pair, () => [], 10_000)).toEqual([50, 51]);
});

test("asks no more often than it may", async () => {
  let asked = 0;
  const fails = (items: readonly number[]) => Promise.resolve(++asked > 0 && items.includes(9));
  expect(await shrink([...Array(100).keys()], fails, smaller, 5)).toContain(9);
  expect(asked).toBe(5);
});
