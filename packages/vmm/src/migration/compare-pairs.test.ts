import { expect, test } from "vitest";
import { comparePairs } from "./compare-pairs.ts";

test("devices are counted one by one and together, with the fields that were left out of both sides", () => {
  const pairs = [
    { device: "pic", source: [], destination: [], alike: 12 },
    {
      device: "pit",
      source: [
        { path: "pit.mode", value: 2 },
        { path: "pit.start", value: 1 },
      ],
      destination: [
        { path: "pit.mode", value: 3 },
        { path: "pit.start", value: 5 },
      ],
      alike: 1,
    },
  ];
  expect(comparePairs(pairs, [{ path: "pit.start", why: "phase" }])).toEqual({
    fields: 15,
    equal: 13,
    unreachable: [{ path: "pit.start", source: 1, destination: 5, why: "phase" }],
    different: [{ path: "pit.mode", source: 2, destination: 3 }],
    devices: [
      { device: "pic", fields: 12, equal: 12, unreachable: 0, different: 0 },
      { device: "pit", fields: 3, equal: 1, unreachable: 1, different: 1 },
    ],
  });
});
