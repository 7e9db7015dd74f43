import { builtinDescriptions, classifiedColumns, Classifier, loadLibrary } from "@portrait/classifier";
import { BatchBuilder, opOf, type AccessBatch } from "@portrait/tracer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileFilter } from "./compile.ts";
import { FilterError } from "./filter-error.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });

function batchOf(fill: (builder: BatchBuilder) => void): AccessBatch {
  const batches: AccessBatch[] = [];
  const builder = new BatchBuilder((batch) => batches.push(batch));
  fill(builder);
  builder.flush();
  const [batch] = batches;
  if (batch === undefined) throw new Error("no batch");
  return batch;
}

/** PIC initialisation, a 16-bit write, two reads, a string. */
const sample = batchOf((builder) => {
  builder.push(1_000, 0x20, opOf("out", 8), 0x11);
  builder.push(2_000, 0x21, opOf("out", 8), 0x30);
  builder.push(3_000, 0xa0, opOf("out", 8), 0x11, 1);
  builder.push(2_000_000_000, 0x1ce, opOf("out", 16), 0x8004);
  builder.push(2_000_001_000, 0x3fd, opOf("in", 8), 0x60);
  builder.push(2_000_002_000, 0x9999, opOf("in", 32), 0xffffffff);
  builder.pushString(2_000_003_000, 0x3f8, "out", 8, 3, 0x61, Buffer.from("abc"));
});

/** Rows that pass. */
function passing(text: string, batch = sample, fromReset = true): number[] {
  const columns = classifiedColumns(batch.length, { criteria: false });
  new Classifier(library, { fromReset }).feed(batch, columns);
  const passes = compileFilter(text, library);
  return [...Array(batch.length).keys()].filter((row) => passes(batch, columns, row));
}

describe("a filter", () => {
  test.each([
    ["port == 0x20", [0]],
    ["port == 32", [0]],
    ["port in 0x20..0x21", [0, 1]],
    ["dir == in", [4, 5]],
    ['dir != "in"', [0, 1, 2, 3, 6]],
    ["width == 16", [3]],
    ["value & 0x80", [5]],
    ["value & 0x30 == 0x30", [1, 5]],
    ["value & 0x8000", [3, 5]],
    ["value == 4294967295", [5]],
    ["value >= 0x60 && value < 0x100", [4, 6]],
    ["t > 1.5s", [3, 4, 5, 6]],
    ["time <= 2us", [0, 1]],
    ["vcpu == 1", [2]],
    ["seq != 0 && seq <= 2", [1, 2]],
    ["count > 1", [6]],
    ['dev == "pic1"', [0, 1]],
    ["dev == i8259", [0, 1, 2]],
    ["dev != i8259", [3, 4, 5, 6]],
    ['reg == "ICW2"', [1]],
    ["dev == pic2 && reg == ICW1", [2]],
    ["verdict == transfer", [6]],
    ["verdict == unknown", [5]],
    ["!(dev == pic1 || dir == in)", [2, 3, 6]],
    ["seq == 0 || seq == 1 && seq == 2", [0]],
    ["!dir == in", [0, 1, 2, 3, 6]],
    ["\n port==0x20&&dir==out ", [0]],
  ])("%s", (text, rows) => {
    expect(passing(text)).toEqual(rows);
  });

  test("takes an access that may have reached several registers for each of them", () => {
    const batch = batchOf((builder) => builder.push(0, 0x21, opOf("out", 8), 0x30));
    expect(passing("reg == ICW3", batch, false)).toEqual([0]);
    expect(passing("reg == OCW1", batch, false)).toEqual([0]);
    expect(passing("reg == ICW3", batch, true)).toEqual([]);
  });

  test.each([
    ["prot == 1", 0, /no field "prot"; did you mean "port"\?/],
    ["port = 3", 5, /expected/],
    ["port == 1 && ", 13, /expected/],
    ["dev == pic3", 7, /no dev "pic3"; did you mean "pic1"\?/],
    ["reg == ICW5", 7, /did you mean "ICW1"\?/],
    ["verdict == stat", 11, /did you mean "state"\?/],
    ["dir & 1", 6, /has no bits/],
    ["dir < in", 6, /has no order/],
    ["dev in 1..2", 0, /has no ranges/],
    ["value == out", 9, /is compared with a number/],
    ["dir == 1", 7, /is compared with a name/],
    ["constructor == 1", 0, /no field "constructor"/],
    ["", 0, /expected/],
  ])("%j is refused at its place", (text, offset, message) => {
    const error = mistakeIn(text);
    expect(error.offset).toBe(offset);
    expect(error.message).toMatch(message);
    const [shown = "", caret = ""] = error.message.split("\n").slice(-2);
    expect(shown).toBe(`  ${text}`);
    expect(caret).toBe(`${" ".repeat(2 + offset)}^`);
  });

  test("of any text throws nothing but a FilterError", () => {
    const words = ["port", "==", "0x20", "&&", "||", "!", "(", ")", "in", "..", "dev", '"', "1.5s", "&", "value", " "];
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...words)).map((list) => list.join(" ")),
    );
    fc.assert(fc.property(text, (one) => void attempt(one)));
  });

  test.each(["(", "!"])("of a thousand %s does not use up the stack", (character) => {
    expect(mistakeIn(character.repeat(1000)).message).toMatch(/expected/);
    expect(mistakeIn(character.repeat(1001)).message).toMatch(/more than 1000 characters/);
  });
});

function mistakeIn(text: string): FilterError {
  const error = attempt(text);
  if (error === undefined) throw new Error(`no mistake in ${text}`);
  return error;
}

/** The mistake in a filter; undefined where there is none. Throws what is not a FilterError. */
function attempt(text: string): FilterError | undefined {
  try {
    compileFilter(text, library);
    return undefined;
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
}
