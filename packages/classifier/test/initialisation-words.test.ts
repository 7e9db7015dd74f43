import { describe, expect, test } from "vitest";
import { classify, ins, outs, type Row } from "./support/classify.ts";

/** The four writes of a Linux kernel that initialises the master: OUT 20h of 11h, OUT 21h of 30h, 04h and 01h. */
const writes: Readonly<Record<string, Row>> = {
  "11": ["out", 0x20, 0x11],
  "30": ["out", 0x21, 0x30],
  "04": ["out", 0x21, 0x04],
  "01": ["out", 0x21, 0x01],
};
const only8259 = { ids: ["i8259"] };
const rowsOf = (order: string): Row[] =>
  order.split(" ").map((byte) => {
    const row = writes[byte];
    if (row === undefined) throw new Error(`no write ${byte}`);
    return row;
  });

test("OUT 20h of 11h, OUT 21h of 30h, 04h, 01h are ICW1 to ICW4, each by its own criteria", () => {
  expect(classify(rowsOf("11 30 04 01")).rows).toEqual([
    { register: "pic1.ICW1", verdict: "state", criteria: ["port", "direction", "data"] },
    { register: "pic1.ICW2", verdict: "state", criteria: ["port", "direction", "preceding"] },
    { register: "pic1.ICW3", verdict: "state", criteria: ["port", "direction", "preceding"] },
    { register: "pic1.ICW4", verdict: "state", criteria: ["port", "direction", "preceding"] },
  ]);
});

// What the four bytes are in each of their 24 orders, and what is left in INIT (half done behind |).
test.each([
  ["11 30 04 01", "ICW1 ICW2 ICW3 ICW4", "ICW1=11 ICW2=30 ICW3=04 ICW4=01"],
  ["11 30 01 04", "ICW1 ICW2 ICW3 ICW4", "ICW1=11 ICW2=30 ICW3=01 ICW4=04"],
  ["11 04 30 01", "ICW1 ICW2 ICW3 ICW4", "ICW1=11 ICW2=04 ICW3=30 ICW4=01"],
  ["11 04 01 30", "ICW1 ICW2 ICW3 ICW4", "ICW1=11 ICW2=04 ICW3=01 ICW4=30"],
  ["11 01 30 04", "ICW1 ICW2 ICW3 ICW4", "ICW1=11 ICW2=01 ICW3=30 ICW4=04"],
  ["11 01 04 30", "ICW1 ICW2 ICW3 ICW4", "ICW1=11 ICW2=01 ICW3=04 ICW4=30"],
  ["30 11 04 01", "OCW1 ICW1 ICW2 ICW3", "|ICW1=11 |ICW2=04 |ICW3=01"],
  ["30 11 01 04", "OCW1 ICW1 ICW2 ICW3", "|ICW1=11 |ICW2=01 |ICW3=04"],
  ["04 11 30 01", "OCW1 ICW1 ICW2 ICW3", "|ICW1=11 |ICW2=30 |ICW3=01"],
  ["04 11 01 30", "OCW1 ICW1 ICW2 ICW3", "|ICW1=11 |ICW2=01 |ICW3=30"],
  ["01 11 30 04", "OCW1 ICW1 ICW2 ICW3", "|ICW1=11 |ICW2=30 |ICW3=04"],
  ["01 11 04 30", "OCW1 ICW1 ICW2 ICW3", "|ICW1=11 |ICW2=04 |ICW3=30"],
  ["30 04 11 01", "OCW1 OCW1 ICW1 ICW2", "|ICW1=11 |ICW2=01"],
  ["30 01 11 04", "OCW1 OCW1 ICW1 ICW2", "|ICW1=11 |ICW2=04"],
  ["04 30 11 01", "OCW1 OCW1 ICW1 ICW2", "|ICW1=11 |ICW2=01"],
  ["04 01 11 30", "OCW1 OCW1 ICW1 ICW2", "|ICW1=11 |ICW2=30"],
  ["01 30 11 04", "OCW1 OCW1 ICW1 ICW2", "|ICW1=11 |ICW2=04"],
  ["01 04 11 30", "OCW1 OCW1 ICW1 ICW2", "|ICW1=11 |ICW2=30"],
  ["30 04 01 11", "OCW1 OCW1 OCW1 ICW1", "|ICW1=11"],
  ["30 01 04 11", "OCW1 OCW1 OCW1 ICW1", "|ICW1=11"],
  ["04 30 01 11", "OCW1 OCW1 OCW1 ICW1", "|ICW1=11"],
  ["04 01 30 11", "OCW1 OCW1 OCW1 ICW1", "|ICW1=11"],
  ["01 30 04 11", "OCW1 OCW1 OCW1 ICW1", "|ICW1=11"],
  ["01 04 30 11", "OCW1 OCW1 OCW1 ICW1", "|ICW1=11"],
])("%s is %s and leaves INIT %s", (order, registers, init) => {
  const session = classify(rowsOf(order), only8259);
  expect(session.registers.join(" ")).toBe(registers.replaceAll(/\w+/g, "pic1.$&"));
  expect(session.slot("pic1", "INIT")).toEqual(init.split(" "));
  // OCW1 before ICW1 counts for nothing: ICW1 clears the mask.
  expect(session.slot("pic1", "IMR")).toBe(0);
});

describe("ICW1 says what follows it", () => {
  test.each([
    ["SNGL = 0, IC4 = 1", 0x11, "ICW2 ICW3 ICW4 OCW1 OCW1"],
    ["SNGL = 1, IC4 = 1", 0x13, "ICW2 ICW4 OCW1 OCW1 OCW1"],
    ["SNGL = 0, IC4 = 0", 0x10, "ICW2 ICW3 OCW1 OCW1 OCW1"],
    ["SNGL = 1, IC4 = 0", 0x12, "ICW2 OCW1 OCW1 OCW1 OCW1"],
  ])("%s", (_, icw1, registers) => {
    const session = classify([...outs(0x20, icw1), ...outs(0x21, 0x20, 0x04, 0x01, 0xfe, 0xff)], only8259);
    expect(session.registers.slice(1).join(" ")).toBe(registers.replaceAll(/\w+/g, "pic1.$&"));
  });

  test("an ICW1 in the middle of a sequence begins a new one", () => {
    const session = classify([...rowsOf("11 30"), ...rowsOf("11 30 04 01")], only8259);
    expect(session.slot("pic1", "INIT")).toEqual(["ICW1=11", "ICW2=30", "ICW3=04", "ICW4=01"]);
  });
});

describe("operation command words", () => {
  test("a poll makes the next read the poll word, and only that one", () => {
    const session = classify([...outs(0x20, 0x0c), ...ins(0x20, 0x80, 0x00)], only8259);
    expect(session.registers).toEqual(["pic1.OCW3", "pic1.POLL", "pic1.IRR"]);
    expect(session.rows[1]?.criteria).toContain("preceding");
  });

  test("poll: the next read is the answer, at either port; the mask is read after it", () => {
    const { registers } = classify([...outs(0x21, 0xa5), ...outs(0x20, 0x0c), ...ins(0x21, 0x00, 0xa5)], only8259);
    expect(registers.slice(2)).toEqual(["pic1.POLL_DATA", "pic1.OCW1"]);
  });

  test("a poll leaves the register selected for reading as it was", () => {
    const session = classify([...outs(0x20, 0x0b, 0x0c), ...ins(0x20, 0x80, 0x00)], only8259);
    expect(session.registers.slice(2)).toEqual(["pic1.POLL", "pic1.ISR"]);
    expect(session.slot("pic1", "READ_SELECT")).toBe(0x0b);
  });

  test("special mask mode is taken only with ESMM, and ends with ICW1", () => {
    expect(classify(outs(0x20, 0x28), only8259).slot("pic1", "SMM")).toBe(0x48);
    expect(classify(outs(0x20, 0x68), only8259).slot("pic1", "SMM")).toBe(0x68);
    expect(classify(outs(0x20, 0x68, 0x48), only8259).slot("pic1", "SMM")).toBe(0x48);
    expect(classify(outs(0x20, 0x68, 0x11), only8259).slot("pic1", "SMM")).toBe(0x48);
  });

  test("set priority and rotate on specific EOI both leave the level of lowest priority", () => {
    expect(classify(outs(0x20, 0xc2), only8259).slot("pic1", "PRIORITY")).toBe(0xc2);
    expect(classify(outs(0x20, 0xe5), only8259).slot("pic1", "PRIORITY")).toBe(0xc5);
    expect(classify(outs(0x20, 0xc2, 0x20, 0x65), only8259).slot("pic1", "PRIORITY")).toBe(0xc2);
  });

  test("rotation that depends on the in-service register makes the priority unknown until it is set", () => {
    expect(classify(outs(0x20, 0xa0), only8259).slot("pic1", "PRIORITY")).toMatch(/^unknown: .*in-service/);
    expect(classify(outs(0x20, 0xa0, 0xc1), only8259).slot("pic1", "PRIORITY")).toBe(0xc1);
  });

  test("rotation in automatic EOI mode is kept, and of no consequence to the priority without automatic EOI", () => {
    expect(classify(outs(0x20, 0x80), only8259).slot("pic1", "ROTATE")).toBe(0x80);
    expect(classify(outs(0x20, 0x80, 0x00), only8259).slot("pic1", "ROTATE")).toBe(0x00);
    expect(classify(outs(0x20, 0x80), only8259).slot("pic1", "PRIORITY")).toBe(0xc7);
  });

  test.each([
    ["after the initialisation", [...outs(0x20, 0x11), ...outs(0x21, 0x20, 0x04, 0x03), ...outs(0x20, 0x80)]],
    ["in the middle of it", [...outs(0x20, 0x11, 0x80), ...outs(0x21, 0x20, 0x04, 0x03)]],
  ])("rotation in automatic EOI mode, asked for %s, makes the priority unknown while both last", (_, rows) => {
    const priority = (...more: number[]) =>
      classify([...rows, ...outs(0x20, ...more)], only8259).slot("pic1", "PRIORITY");
    expect(priority()).toMatch(/^unknown/);
    expect(priority(0xc2)).toMatch(/^unknown/);
    expect(priority(0xe2)).toMatch(/^unknown/);
    expect(priority(0x00)).toMatch(/^unknown/);
    expect(priority(0x00, 0xc2)).toBe(0xc2);
    expect(priority(0x11)).toBe(0xc7);
  });

  test("an end of interrupt is a command and leaves nothing", () => {
    for (const eoi of [0x20, 0x60, 0x67]) {
      const session = classify([...rowsOf("11 30 04 01"), ...outs(0x20, eoi)], only8259);
      expect(session.rows[4]).toMatchObject({ register: "pic1.OCW2", verdict: "command" });
      expect(session.slot("pic1", "PRIORITY")).toBe(0xc7);
    }
  });
});

describe("alias ports of Intel's bridges", () => {
  const hex = (port: number): [string, number] => [`${port.toString(16)}h`, port];
  const aliases = [0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c];

  test.each(aliases.map(hex))("%s is the master's where the library decodes aliases", (_, port) => {
    const session = classify([...outs(port, 0x11), ...outs(port + 1, 0x20)], { ...only8259, aliases: true });
    expect(session.registers).toEqual(["pic1.ICW1", "pic1.ICW2"]);
  });

  test.each(aliases.map((port) => hex(port + 0x80)))(
    "%s is the slave's where the library decodes aliases",
    (_, port) => {
      const session = classify([...outs(port, 0x11), ...outs(port + 1, 0x28)], { ...only8259, aliases: true });
      expect(session.registers).toEqual(["pic2.ICW1", "pic2.ICW2"]);
    },
  );

  test("a sequence may be spread over aliases", () => {
    const rows: Row[] = [...outs(0x3c, 0x11), ...outs(0x25, 0x20), ...outs(0x21, 0x04), ...outs(0x31, 0x01)];
    const session = classify(rows, { ...only8259, aliases: true });
    expect(session.slot("pic1", "INIT")).toEqual(["ICW1=11", "ICW2=20", "ICW3=04", "ICW4=01"]);
  });

  test("they are nobody's where it does not", () => {
    const rows = [...aliases, ...aliases.map((port) => port + 0x80)].flatMap((port) => outs(port, 0x11));
    expect(classify(rows, only8259).registers).toEqual(rows.map(() => "-"));
  });
});

describe("a sequence that a new ICW1 breaks off", () => {
  const init = (...rows: readonly Row[]) => classify(rows, only8259).slot("pic1", "INIT");
  const complete = rowsOf("11 30 04 01");

  test("has set the vector base already, so it is kept behind the complete one", () => {
    expect(init(...complete, ...outs(0x20, 0x11), ...outs(0x21, 0x40), ...outs(0x20, 0x11))).toEqual([
      "ICW1=11",
      "ICW2=30",
      "ICW3=04",
      "ICW4=01",
      "ICW1=11",
      "ICW2=40",
      "|ICW1=11",
    ]);
  });

  test("is superseded as soon as the new one has got as far", () => {
    const half: Row[] = [...outs(0x20, 0x11), ...outs(0x21, 0x40), ...outs(0x20, 0x11), ...outs(0x21, 0x48)];
    expect(init(...half)).toEqual(["|ICW1=11", "|ICW2=48"]);
    expect(init(...half, ...outs(0x21, 0x04, 0x01))).toEqual(["ICW1=11", "ICW2=48", "ICW3=04", "ICW4=01"]);
  });

  test("takes no more room however often it is begun", () => {
    const again: Row[] = [...outs(0x20, 0x11), ...outs(0x21, 0x40, 0x04), ...outs(0x20, 0x11), ...outs(0x21, 0x48)];
    const often = new Array<readonly Row[]>(100).fill(again).flat();
    expect(init(...often, ...outs(0x20, 0x11))).toHaveLength(3 + 2 + 1);
  });
});
