import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";

const LIMIT_MS = 1000;

/** An image of three frames, the one in the middle without bytes. */
async function written(): Promise<Buffer> {
  const stream = new PassThrough();
  const writer = new FrameWriter(stream);
  await writer.write(FRAME.memory, Uint8Array.of(1, 2), Uint8Array.of(3));
  // Such bytes have no address.
  await writer.write(FRAME.dump, new Uint8Array(new ArrayBuffer(0)));
  await writer.writeEnd();
  return stream.read() as Buffer;
}

async function readAll(bytes: Buffer): Promise<[type: number, payload: readonly number[]][]> {
  const stream = new PassThrough();
  stream.end(bytes);
  const reader = new FrameReader(stream);
  const found: [number, readonly number[]][] = [];
  for (let i = 0; i < 3; i++) {
    const { type, payload } = await reader.read("a frame", LIMIT_MS);
    found.push([type, type === FRAME.end ? [] : [...payload]]);
  }
  return found;
}

test("frames are read as they were written, also one without bytes", async () => {
  expect(await readAll(await written())).toEqual([
    [FRAME.memory, [1, 2, 3]],
    [FRAME.dump, []],
    [FRAME.end, []],
  ]);
});

test("a frame that is not taken is not waited for for ever", async () => {
  const takesNothing = new Writable({ write: () => undefined });
  const writer = new FrameWriter(takesNothing, 50);
  const written = writer.write(FRAME.stream, Buffer.alloc(1 << 20));
  await expect(written).rejects.toMatchObject({ code: "TIMEOUT", message: expect.stringMatching(/to be taken/) });
});

test("any bit of a payload or type that changed on the way shows at the end", async () => {
  const image = await written();
  for (const at of [0, 5, 7, 8, image.length - 1]) {
    const damaged = Buffer.from(image);
    damaged[at] = (damaged[at] ?? 0) ^ 0x40;
    await expect(readAll(damaged)).rejects.toThrow("checksum");
  }
});
