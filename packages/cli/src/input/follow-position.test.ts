import { accessAt, bufferSource, TraceReader } from "@portrait/tracer";
import { expect, test } from "vitest";
import { TraceScript } from "../../test/support/traces.ts";
import { FollowPosition } from "./follow-position.ts";

/** What one pass over the bytes there are now adds: values written, markers and reasons of gaps, in order. */
async function pass(position: FollowPosition, bytes: Uint8Array): Promise<(number | string)[]> {
  const added: (number | string)[] = [];
  const reader = await TraceReader.open(bufferSource(bytes));
  position.beginPass();
  for await (const whole of reader.batches({ fromSeq: position.nextSeq })) {
    const batch = position.advance(whole);
    for (let row = 0; row <= batch.length; row++) {
      added.push(...batch.gaps.filter(({ index }) => index === row).map(({ reason }) => reason));
      added.push(...batch.markers.filter(({ index }) => index === row).map(({ text }) => text));
      if (row < batch.length) added.push(accessAt(batch, row).value);
    }
  }
  return added;
}

test("gives each access, marker and gap once, however often the file has grown in between", async () => {
  const position = new FollowPosition();
  const script = new TraceScript().out(0x21, 1).marker("a").gap("lost a");
  expect(await pass(position, await script.unsealed())).toEqual([1, "lost a", "a"]);
  expect(await pass(position, await script.unsealed())).toEqual([]);
  script.marker("b");
  expect(await pass(position, await script.unsealed())).toEqual(["b"]);
  script.gap("lost b").marker("c").out(0x21, 2).out(0x21, 3).marker("d");
  expect(await pass(position, await script.unsealed())).toEqual(["lost b", "c", 2, 3, "d"]);
  script.marker("e").gap("lost e");
  expect(await pass(position, await script.unsealed())).toEqual(["lost e", "e"]);
  expect(await pass(position, await script.bytes())).toEqual([]);
});

test("keeps what stands before the first access for one time", async () => {
  const position = new FollowPosition();
  const script = new TraceScript().marker("a");
  expect(await pass(position, await script.unsealed())).toEqual(["a"]);
  script.gap("lost").out(0x21, 1);
  expect(await pass(position, await script.unsealed())).toEqual(["lost", 1]);
});
