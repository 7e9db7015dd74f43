import { expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const opl2 = (rows: readonly Row[]) => classify(rows, { ids: ["opl2"] });
const set = (index: number, value: number): Row[] => [...outs(0x388, index), ...outs(0x389, value)];

test("388h is the address when written and Status when read", () => {
  expect(opl2([...outs(0x388, 0x20), ["in", 0x388, 0x06]]).registers).toEqual(["adlib.ADDRESS", "adlib.STATUS"]);
});

test.each([
  [0x01, "TEST"],
  [0x02, "TIMER"],
  [0x04, "TIMER_CONTROL"],
  [0x08, "NOTE_SELECT"],
  [0x20, "OPERATOR_FLAGS"],
  [0x55, "OPERATOR_LEVEL"],
  [0x60, "OPERATOR_ATTACK"],
  [0x95, "OPERATOR_SUSTAIN"],
  [0xa8, "FREQUENCY"],
  [0xb0, "KEY_ON"],
  [0xbd, "RHYTHM"],
  [0xc8, "FEEDBACK"],
  [0xf5, "OPERATOR_WAVE"],
  [0xff, "RESERVED"],
])("register %i is %s", (index, name) => {
  const { rows } = opl2(set(index, 0));
  expect(rows[1]?.register).toBe(`adlib.${name}`);
  expect(rows[1]?.criteria).toContain("state");
});

test("each operator and channel keeps the last value written to it", () => {
  const seen = opl2([
    ...set(0x40, 0x10),
    ...set(0x43, 0x3f),
    ...set(0x40, 0x00),
    ...set(0xb0, 0x31),
    ...set(0xb1, 0x11),
  ]);
  expect([seen.slot("adlib", "OPERATOR", 0x40), seen.slot("adlib", "OPERATOR", 0x43)]).toEqual([0x00, 0x3f]);
  expect([seen.slot("adlib", "KEY_ON", 0xb0), seen.slot("adlib", "KEY_ON", 0xb1)]).toEqual([0x31, 0x11]);
});

test("resetting the timers' flags is a command, and leaves the timers as they were set", () => {
  const seen = opl2([...set(0x04, 0x21), ...set(0x04, 0x80)]);
  expect(seen.rows[3]?.verdict).toBe("command");
  expect(seen.slot("adlib", "TIMER_CONTROL")).toBe(0x21);
});

test("the test bits stay off", () => {
  expect(opl2(set(0x01, 0x3f)).slot("adlib", "TEST")).toBe(0x20);
});
