import fc from "fast-check";
import { expect, test } from "vitest";
import { AccessQueue } from "./access-queue.ts";
import { takeInOrder } from "./merge.ts";
import type { PioFormat } from "./ring-format.ts";

const at = (offset: number) => ({ offset, size: 2 });
const FORMAT: PioFormat = {
  id: 1,
  length: 14,
  type: at(0),
  pid: at(2),
  rw: at(4),
  port: at(6),
  size: at(8),
  count: at(10),
  value: at(12),
};

function push(queue: AccessQueue, time: number, value = 0): void {
  const entry = Buffer.alloc(FORMAT.length);
  [1, 7, 1, 0x20, 1, 1, value].forEach((field, i) => entry.writeUInt16LE(field, 2 * i));
  queue.push(time, entry, 0, entry.length, FORMAT);
}

function taken(queues: readonly AccessQueue[], before: number): number[] {
  const times: number[] = [];
  takeInOrder(queues, before, { take: (queue) => times.push(queue.nextTime) > 0, lost: () => undefined });
  return times;
}

const ascending = fc.array(fc.nat(1000), { maxLength: 50 }).map((times) => times.toSorted((a, b) => a - b));

test("accesses of several CPUs come in the order of their times, in any number of pieces", () => {
  fc.assert(
    fc.property(fc.array(ascending, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(1000)), (cpus, stops) => {
      const queues = cpus.map(() => new AccessQueue());
      cpus.forEach((times, i) => times.forEach((time) => push(queues[i] ?? new AccessQueue(), time)));
      const all = [...stops.toSorted((a, b) => a - b), Infinity].flatMap((before) => {
        const times = taken(queues, before);
        for (const queue of queues) queue.tidy();
        expect(times.every((time) => time < before)).toBe(true);
        return times;
      });
      expect(all).toEqual(cpus.flat().toSorted((a, b) => a - b));
    }),
  );
});

test("accesses of one CPU stay in their order, also where their times do not", () => {
  const queue = new AccessQueue();
  for (const time of [5, 3, 4]) push(queue, time);
  expect(taken([queue], Infinity)).toEqual([5, 3, 4]);
});

test("taking stops where it is told to, before the access is gone", () => {
  const queue = new AccessQueue();
  for (const time of [1, 2]) push(queue, time);
  takeInOrder([queue], Infinity, { take: () => false, lost: () => undefined });
  expect(queue.nextTime).toBe(1);
});

test("what was lost is told right behind the access before it, wherever that has moved to, and before any of another CPU", () => {
  const [queue, other] = [new AccessQueue(), new AccessQueue()];
  for (let time = 0; time < 3000; time++) push(queue, 2 * time);
  push(other, 4999);
  queue.lose(2500, 7);
  const told: (number | string)[] = [];
  for (const before of [4000, Infinity]) {
    takeInOrder([queue, other], before, {
      take: ({ nextTime }) => told.push(nextTime) > 0,
      lost: (one) => told.push(...one.takeLosses().map(({ count }) => `lost ${count}`)),
    });
    queue.tidy();
  }
  const at = told.indexOf("lost 7");
  expect(told.slice(at - 1, at + 3)).toEqual([4998, "lost 7", 4999, 5000]);
  expect(told.filter((one) => typeof one === "string")).toEqual(["lost 7"]);
  expect(queue.tail).toBe(0);
});
