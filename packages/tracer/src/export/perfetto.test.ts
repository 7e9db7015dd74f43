import { expect, test } from "vitest";
import { need } from "../../../../test-support/available.ts";
import { readPerfetto } from "../../../../test-support/perfetto.ts";
import { protobufDecoder } from "../../../../test-support/protobuf.ts";
import { PerfettoWriter } from "./perfetto.ts";

test("another implementation reads tracks, times, names and annotations as they were written", (context) => {
  const decode = need(context, protobufDecoder());
  const writer = new PerfettoWriter();
  const device = writer.track("pic1");
  const register = writer.track("ICW1", device);
  writer.instant(5, device, "reset", []);
  writer.instant(Number.MAX_SAFE_INTEGER, register, "<= 0x11", [
    ["seq", 2 ** 40],
    ["port", { hex: 0x20 }],
    ["verdict", "state"],
    [
      "fields",
      [
        ["IC4", 1],
        ["SNGL", 0],
      ],
    ],
  ]);
  const first = writer.take();
  writer.instant(6, register, "reset", [["verdict", "state"]]);
  const bytes = Buffer.concat([first, writer.take()]);
  expect(writer.pending).toBe(0);
  expect(readPerfetto(decode, bytes)).toEqual([
    { time: 5, track: ["pic1"], name: "reset", annotations: {} },
    {
      time: Number.MAX_SAFE_INTEGER,
      track: ["pic1", "ICW1"],
      name: "<= 0x11",
      annotations: { seq: 2 ** 40, port: 0x20, verdict: "state", fields: { IC4: 1, SNGL: 0 } },
    },
    { time: 6, track: ["pic1", "ICW1"], name: "reset", annotations: { verdict: "state" } },
  ]);
});

test("more names than are remembered are told again, and read as they were written", (context) => {
  const decode = need(context, protobufDecoder());
  const writer = new PerfettoWriter({ mostInterned: 50 });
  const track = writer.track("values");
  const names = Array.from({ length: 120 }, (_, i) => `<= 0x${i.toString(16)}`);
  const pieces: Uint8Array[] = [];
  for (const [time, name] of [...names, ...names.slice(0, 10)].entries()) {
    writer.instant(time, track, name, [["verdict", "state"]]);
    pieces.push(writer.take());
  }
  const read = readPerfetto(decode, Buffer.concat(pieces));
  expect(read.map(({ name }) => name)).toEqual([...names, ...names.slice(0, 10)]);
  expect(read.every(({ annotations }) => annotations["verdict"] === "state")).toBe(true);
});
