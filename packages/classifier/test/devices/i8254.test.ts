import { describe, expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[], fromReset = true) => classifyAll(rows, { ids: ["i8254"], fromReset });

/** Control word of counter 0, least significant byte then most significant, mode 2. */
const RATE_GENERATOR = 0x34;

describe("writes to the control word register", () => {
  test("are a control word, a counter latch command or the read-back command by D7-D4", () => {
    const { registers } = classify(outs(0x43, 0x34, 0x00, 0x74, 0x40, 0xb6, 0x80, 0xc2));
    expect(registers).toEqual([
      "pit.CONTROL0",
      "pit.LATCH0",
      "pit.CONTROL1",
      "pit.LATCH1",
      "pit.CONTROL2",
      "pit.LATCH2",
      "pit.READ_BACK",
    ]);
  });

  test("only a control word is state, by its data", () => {
    const { rows } = classify(outs(0x43, 0x34, 0x00, 0xc2));
    expect(rows.map(({ verdict }) => verdict)).toEqual(["state", "command", "command"]);
    expect(rows[0]?.criteria).toEqual(["port", "data"]);
  });
});

describe("a count", () => {
  test("of RW 3 is its least significant byte, then its most significant, told apart by the preceding write", () => {
    const { registers, rows, slot } = classify([...outs(0x43, RATE_GENERATOR), ...outs(0x40, 0xa9, 0x12)]);
    expect(registers.slice(1)).toEqual(["pit.COUNT0_LOW", "pit.COUNT0_HIGH"]);
    expect(rows[1]?.criteria).toContain("preceding");
    expect(slot("pit", "COUNT0")).toEqual(["COUNT0_LOW=a9", "COUNT0_HIGH=12"]);
  });

  test("of RW 1 is one byte, the least significant", () => {
    const { registers, slot } = classify([...outs(0x43, 0x94), ...outs(0x42, 0x11, 0x22)]);
    expect(registers.slice(1)).toEqual(["pit.COUNT2_LOW", "pit.COUNT2_LOW"]);
    expect(slot("pit", "COUNT2")).toBe(0x22);
  });

  test("of RW 2 is one byte, the most significant", () => {
    const { registers, slot } = classify([...outs(0x43, 0xa4), ...outs(0x42, 0x11, 0x22)]);
    expect(registers.slice(1)).toEqual(["pit.COUNT2_HIGH", "pit.COUNT2_HIGH"]);
    expect(slot("pit", "COUNT2")).toBe(0x22);
  });

  test("half written stays beside the complete one", () => {
    const { slot } = classify([...outs(0x43, RATE_GENERATOR), ...outs(0x40, 0xa9, 0x12, 0x55)]);
    expect(slot("pit", "COUNT0")).toEqual(["COUNT0_LOW=a9", "COUNT0_HIGH=12", "|COUNT0_LOW=55"]);
  });

  test("is gone with a new control word, which begins with the low byte again", () => {
    const { slot, selector } = classify([
      ...outs(0x43, RATE_GENERATOR),
      ...outs(0x40, 0xa9, 0x12, 0x55),
      ...outs(0x43, 0x30),
    ]);
    expect(slot("pit", "COUNT0")).toBe("none");
    expect(slot("pit", "CONTROL0")).toBe(0x30);
    expect(selector("pit", "byte0")).toBe("low");
  });

  test("of one counter leaves the others alone", () => {
    const { slot } = classify([
      ...outs(0x43, 0x34),
      ...outs(0x40, 1, 2),
      ...outs(0x43, 0xb6),
      ...outs(0x42, 3),
      ...outs(0x43, 0x54),
    ]);
    expect(slot("pit", "COUNT0")).toEqual(["COUNT0_LOW=01", "COUNT0_HIGH=02"]);
    expect(slot("pit", "COUNT2")).toEqual(["|COUNT2_LOW=03"]);
    expect(slot("pit", "CONTROL1")).toBe(0x54);
  });

  test("cannot be told from a trace that begins after the control word, until the next one", () => {
    const late = classify(outs(0x40, 0xa9), false);
    expect(late.registers).toEqual(["pit.COUNT0_LOW|pit.COUNT0_HIGH"]);
    const { registers } = classify([...outs(0x40, 0xa9), ...outs(0x43, RATE_GENERATOR), ...outs(0x40, 0xa9)], false);
    expect(registers[2]).toBe("pit.COUNT0_LOW");
  });
});

describe("reads of a counter", () => {
  const programmed = outs(0x43, RATE_GENERATOR);
  const reads = (rows: readonly Row[]) =>
    classify([...programmed, ...rows])
      .registers.slice(1)
      .filter((name) => !/LATCH|READ_BACK|CONTROL/.test(name));

  test("give the counting element, and do not move the byte that is written next", () => {
    const { registers } = classify([...programmed, ...outs(0x40, 1), ...ins(0x40, 9), ...outs(0x40, 2)]);
    expect(registers.slice(1)).toEqual(["pit.COUNT0_LOW", "pit.CE0", "pit.COUNT0_HIGH"]);
  });

  test("are reads, latched or not", () => {
    const { rows } = classify([...programmed, ...outs(0x43, 0xc2), ...ins(0x40, 1, 2, 3, 4)]);
    expect(rows.slice(2).map(({ verdict }) => verdict)).toEqual(["read", "read", "read", "read"]);
  });

  test("give a latched count for two reads when RW is 3", () => {
    expect(reads([...outs(0x43, 0x00), ...ins(0x40, 1, 2, 3)])).toEqual(["pit.OL0", "pit.OL0", "pit.CE0"]);
  });

  test("give a latched count for one read when RW is 1", () => {
    expect(reads([...outs(0x43, 0x14, 0x00), ...ins(0x40, 1, 2)])).toEqual(["pit.OL0", "pit.CE0"]);
  });

  test("a second latch command before the count is read is ignored", () => {
    const rows = [...outs(0x43, 0x00), ...ins(0x40, 1), ...outs(0x43, 0x00), ...ins(0x40, 2, 3)];
    expect(reads(rows)).toEqual(["pit.OL0", "pit.OL0", "pit.CE0"]);
  });

  test("reprogramming a counter unlatches its count", () => {
    expect(reads([...outs(0x43, 0x00, RATE_GENERATOR), ...ins(0x40, 1)])).toEqual(["pit.CE0"]);
  });

  test("give status before a latched count, whichever was latched first", () => {
    const order = ["pit.STATUS0", "pit.OL0", "pit.OL0", "pit.CE0"];
    expect(reads([...outs(0x43, 0xc2), ...ins(0x40, 1, 2, 3, 4)])).toEqual(order);
    expect(reads([...outs(0x43, 0x00, 0xe2), ...ins(0x40, 1, 2, 3, 4)])).toEqual(order);
  });

  test("read-back latches the counts and status of just the counters it selects", () => {
    const { selector } = classify([...outs(0x43, 0x34, 0x54, 0xb6, 0xde, 0xe8)]);
    const of = (name: string) => [0, 1, 2].map((c) => selector("pit", `${name}${c}`));
    expect(of("latched")).toEqual(["low", "single", "low"]);
    expect(of("status")).toEqual(["none", "none", "latched"]);
  });
});
