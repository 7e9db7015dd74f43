import { expect, test } from "vitest";
import { readDeviceState } from "./device-state.ts";
import { DeviceLayout } from "./device-layout.ts";
import type { SectionDescription } from "./description.ts";
import { StreamError } from "./errors.ts";

const u32 = (value: number) => [0, 0, 0, value];
const name = (text: string) => [text.length, ...Buffer.from(text)];
const section = (number: number, ...body: number[]) => [
  4,
  ...u32(number),
  ...name("lamp"),
  ...u32(0),
  ...u32(1),
  ...body,
  0x7e,
  ...u32(number),
];
const subsection = (text: string, ...body: number[]) => [5, ...name(text), ...u32(1), ...body];
const state = (...body: number[]) => Buffer.from([0x51, 0x45, 0x56, 0x4d, ...u32(3), ...body, 0]);

const field = (of: string) => ({ name: of, type: "uint8", size: 1 });
const lamp = (...subsections: string[]): SectionDescription => ({
  name: "lamp",
  instance_id: 0,
  version: 1,
  fields: [field("on")],
  subsections: subsections.map((one) => ({ vmsd_name: one, version: 1, fields: [field("level")] })),
});
const read = (bytes: Buffer, description: SectionDescription) =>
  readDeviceState(bytes, [description]).flatMap(({ fields }) => fields.map(({ path, value }) => [path, value]));

test("subsections come and go", () => {
  const description = lamp("lamp/dim", "lamp/tint");
  expect(read(state(...section(9, 1)), description)).toEqual([["lamp[0].on", 1]]);
  const both = section(9, 1, ...subsection("lamp/tint", 7), ...subsection("lamp/dim", 3));
  expect(read(state(...both), description)).toEqual([
    ["lamp[0].on", 1],
    ["lamp[0]/tint.level", 7],
    ["lamp[0]/dim.level", 3],
  ]);
});

test.each([
  ["a subsection that is not described", state(...section(9, 1, ...subsection("lamp/dim", 3)))],
  ["a field too many", state(...section(9, 1, 2))],
  ["a field too few", state(...section(9))],
  ["a section too many", state(...section(9, 1), ...section(10, 1))],
  ["no section", state()],
  ["another start", Buffer.concat([Buffer.from("QEVX"), state(...section(9, 1)).subarray(4)])],
  ["no end", state(...section(9, 1)).subarray(0, -1)],
])("%s does not fit", (_, bytes) => {
  expect(() => read(bytes, lamp())).toThrow(StreamError);
});

test("a layout keeps the subsections that earlier streams had", () => {
  const layout = new DeviceLayout();
  layout.learn([lamp("lamp/dim")]);
  layout.learn([lamp("lamp/tint")]);
  expect(layout.sections).toEqual([lamp("lamp/tint", "lamp/dim")]);
});

test("a layout keeps what there was with other fields beside it", () => {
  const layout = new DeviceLayout();
  const wide = { ...lamp("lamp/dim"), fields: [field("on"), field("colour")] };
  const two = { ...lamp("lamp/dim"), fields: [{ ...field("on"), array_len: 2 }] };
  const inside = { ...lamp("lamp/dim"), fields: [{ ...field("on"), struct: { fields: [field("hour")] } }] };
  for (const one of [lamp("lamp/dim"), wide, two, inside, lamp("lamp/tint")]) layout.learn([one]);
  expect(layout.all).toEqual([[lamp("lamp/tint", "lamp/dim")], [inside], [two], [wide]]);
});
