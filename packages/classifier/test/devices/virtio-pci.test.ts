import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";
import { placed } from "../support/pci.ts";

const BASE = 0xc000;
const run = (rows: readonly Row[], id = 0x10001af4) => {
  const firmware = placed(3, id, 0, BASE);
  const seen = classify([...firmware, ...rows], { ids: ["virtio-pci", "pci"] });
  return { ...seen, rows: seen.rows.slice(firmware.length) };
};
const select = (queue: number): Row => ["out", BASE + 0x0e, queue, 16];
const address = (page: number): Row => ["out", BASE + 0x08, page, 32];

test.each([
  [0x10001af4, "virtio1.STATUS"],
  [0x10011af4, "virtio1.STATUS"],
  [0x103f1af4, "virtio1.STATUS"],
  [0x10411af4, "-"],
])("device %i: %s", (id, register) => {
  expect(run(outs(BASE + 0x12, 1), id).rows[0]?.register).toBe(register);
});

test("each queue has an address of its own", () => {
  const seen = run([select(0), address(0x1000), select(2), address(0x2000)]);
  expect([0, 1, 2].map((queue) => seen.slot("virtio1", "QUEUE_ADDRESS", queue))).toEqual([0x1000, 0, 0x2000]);
  expect(seen.selector("virtio1", "queue")).toBe(2);
});

describe("the status", () => {
  test("is told in two steps: found with a driver, and let use the queues", () => {
    const seen = run(outs(BASE + 0x12, 1, 3, 7));
    expect([seen.slot("virtio1", "FOUND"), seen.slot("virtio1", "STATUS")]).toEqual([3, 7]);
  });

  test("0 resets the device", () => {
    const features: Row = ["out", BASE + 0x04, 0x20, 32];
    const seen = run([features, select(1), address(0x1000), ...outs(BASE + 0x12, 7, 0)]);
    expect([seen.slot("virtio1", "GUEST_FEATURES"), seen.slot("virtio1", "QUEUE_ADDRESS", 1)]).toEqual([0, 0]);
    expect(seen.selector("virtio1", "queue")).toBe(0);
    expect([seen.slot("virtio1", "FOUND"), seen.slot("virtio1", "STATUS")]).toEqual([0, 0]);
  });
});

test("a notification is a transfer", () => {
  expect(run([["out", BASE + 0x10, 1, 16]]).rows[0]).toMatchObject({ verdict: "transfer" });
});
