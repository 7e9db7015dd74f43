import type { PlanStep } from "@portrait/replayer";
import type { Width } from "@portrait/tracer";
import { expect, test } from "vitest";
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

const step = (port: number, width: Width, value: number): PlanStep => ({
  op: "out",
  port,
  width,
  value,
  device: "",
  register: "",
  from: [],
  why: "",
  risk: "safe",
});

const RTL8139 = placed(0x813910ec, 0x10);
const VIRTIO = placed(0x10001af4, 0x10);

test.each<[string, PlanStep, readonly PortAccess[]]>([
  ["a start of the second channel's transfer", step(0xc008, 8, 0x09), placed(0x70108086, 0x20)],
  ["a frame of an NE2000", step(0xc000, 8, 0x26), placed(0x802910ec, 0x10)],
  ["a transmit status of 0", step(0xc014, 32, 0), RTL8139],
  ["a notification of queue 0", step(0xc010, 16, 0), VIRTIO],
])("%s is dangerous", (_, write, first) => {
  expect(placedDangers([write], first)).toHaveLength(1);
  expect(placedDangers([write], [])).toEqual([]);
});

test.each<[string, PlanStep, readonly PortAccess[]]>([
  ["a receive configuration", step(0xc044, 32, 0xffffffff), RTL8139],
  ["a queue's address", step(0xc008, 32, 0x10), VIRTIO],
])("%s is not", (_, write, first) => expect(placedDangers([write], first)).toEqual([]));
