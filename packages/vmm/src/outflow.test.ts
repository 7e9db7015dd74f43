import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { Outflow } from "./outflow.ts";

const PIECE = Buffer.alloc(64 << 10);

const PATIENT = { ms: 10_000, late: () => new Error("late") };

/** A stream that holds a megabyte before it asks for a pause, and lets a write go whenever `next` is called. */
function slow(): { stream: Writable; next: () => void } {
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 1 << 20,
    write: (_bytes, _encoding, written) => void waiting.push(() => written()),
  });
  stream.on("error", () => undefined);
  return { stream, next: () => waiting.shift()?.() };
}

test("whoever writes waits for what was written, however much the stream itself would hold", async () => {
  const { stream, next } = slow();
  const outflow = new Outflow(stream, PATIENT);
  let put = 0;
  const writing = (async () => {
    for (; put < 12; put++) await outflow.put(PIECE);
  })();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect(put).toBeLessThan(5);
  while (put < 12) {
    next();
    await turn();
  }
  await writing;
});

test("whoever waits sees the stream close", async () => {
  const { stream } = slow();
  const outflow = new Outflow(stream, PATIENT);
  const writing = (async () => {
    for (;;) await outflow.put(PIECE);
  })();
  setImmediate(() => stream.destroy(new Error("gone")));
  await expect(writing).rejects.toThrow("gone");
});

test("nobody waits longer than the limit for a stream that takes nothing", async () => {
  const { stream } = slow();
  const outflow = new Outflow(stream, { ...PATIENT, ms: 20 });
  const writing = (async () => {
    for (;;) await outflow.put(PIECE);
  })();
  await expect(writing).rejects.toThrow("late");
  await expect(outflow.flushed()).rejects.toThrow("late");
});
