import { expect, test } from "vitest";
import { virtioFields } from "./virtio-fields.ts";

const number = (bytes: number, value: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

/** A device as QEMU's virtio_save writes it: no interrupt, one queue; with so many MSI-X vectors. */
function saved(vectors: number): Buffer {
  const configuration = Buffer.alloc(256);
  if (vectors > 0) {
    configuration[0x06] = 0x10;
    configuration[0x34] = 0x40;
    configuration.set([0x09, 0x50], 0x40);
    configuration.set([0x11, 0x00, vectors - 1, 0x00], 0x50);
  }
  const msix = vectors > 0 ? [Buffer.alloc(16 * vectors), Buffer.alloc(1), number(2, 0xffff)] : [];
  const queue = [number(4, 256), number(4, 0), number(4, 0x5000), number(2, 7), ...(vectors > 0 ? [number(2, 1)] : [])];
  return Buffer.concat([
    ...[number(4, 2), configuration, Buffer.alloc(16), ...msix],
    ...[number(1, 0x07), number(1, 1), number(2, 3), number(4, 0x20), number(4, 2), Buffer.from([0xab, 0xcd])],
    ...[number(4, 1), ...queue, Buffer.from([0xee])],
  ]);
}

test.each([0, 3])("the fields of a device with %i vectors", (vectors) => {
  const fields = new Map(virtioFields("virtio", saved(vectors))?.map(({ path, value }) => [path, value]));
  const names = ["status", "isr", "queue_sel", "guest_features", "device_config", "queues[0].num", "queues[0].desc"];
  expect(names.map((name) => fields.get(`virtio.${name}`))).toEqual([7, 1, 3, 0x20, "abcd", 256, "0000000000005000"]);
  expect([fields.get("virtio.queues[0].last_avail_idx"), fields.get("virtio.rest")]).toEqual([7, "ee"]);
  expect(fields.get("virtio.queues[0].vector")).toBe(vectors > 0 ? 1 : undefined);
});

test.each<[string, Buffer]>([
  ["cut off", saved(3).subarray(0, 320)],
  ["of another version", Buffer.concat([number(4, 3), saved(0).subarray(4)])],
  ["empty", Buffer.alloc(0)],
])("bytes that are %s are not taken apart", (_, bytes) => expect(virtioFields("virtio", bytes)).toBeUndefined());
