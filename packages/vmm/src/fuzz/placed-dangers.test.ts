import type { PlanStep } from "@portrait/replayer";
import { expect, test } from "vitest";
import { outStep } from "../../test/support/out-step.ts";
import type { PortAccess } from "./accesses.ts";
import { placedDangers } from "./placed-dangers.ts";

const dword = (direction: "in" | "out", port: number, value: number): PortAccess => ({
  direction,
  port,
  width: 32,
  value,
});

/** What gives a device of this vendor and device number the ports from C000h on. */
const placed = (id: number, register: number): PortAccess[] => [
  dword("out", 0xcf8, 0x80001000),
  dword("in", 0xcfc, id),
  dword("out", 0xcf8, 0x80001000 + register),
  dword("out", 0xcfc, 0xc001),
];

const RTL8139 = placed(0x813910ec, 0x10);
const VIRTIO = placed(0x10001af4, 0x10);

test.each<[string, PlanStep, readonly PortAccess[]]>([
  ["a start of the second channel's transfer", outStep(0xc008, 0x09, 8), placed(0x70108086, 0x20)],
  ["a frame of an NE2000", outStep(0xc000, 0x26, 8), placed(0x802910ec, 0x10)],
  ["a transmit status of 0", outStep(0xc014, 0, 32), RTL8139],
  ["a notification of queue 0", outStep(0xc010, 0, 16), VIRTIO],
])("%s is dangerous", (_, write, first) => {
  expect(placedDangers([write], first)).toHaveLength(1);
  expect(placedDangers([write], [])).toEqual([]);
});

test.each<[string, PlanStep, readonly PortAccess[]]>([
  ["a receive configuration", outStep(0xc044, 0xffffffff, 32), RTL8139],
  ["a queue's address", outStep(0xc008, 0x10, 32), VIRTIO],
])("%s is not", (_, write, first) => expect(placedDangers([write], first)).toEqual([]));

test("a frame is none in loopback, and is one once that is left", () => {
  const [on, off, frame] = [outStep(0xc040, 0x60000, 32), outStep(0xc040, 0x20000, 32), outStep(0xc010, 60, 32)];
  expect(placedDangers([on, frame], RTL8139)).toEqual([]);
  expect(placedDangers([on, frame, off, frame], RTL8139)).toEqual(["OUT c010h, 3ch: TSD transmits"]);
});
