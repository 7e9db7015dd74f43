import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadDescription } from "./load.ts";
import { cubesHold, type Field } from "./model.ts";
import { cubesOf } from "./patterns.ts";
import { DescriptionError } from "./problem.ts";

const good = `id: latch
title: An index and a data port
source: none, made for tests
each: { n: [0, 1] }
ports: { INDEX: 0, DATA: 1 }
instances: { latch: { base: 0x300 } }
state:
  index: { bits: 1, reach: [{ do: [{ write: INDEX, put: A }] }] }
registers:
  INDEX: { at: INDEX, access: WO, fields: { A: 0 }, onWrite: [{ fill: INDEX, latch: { index: A } }] }
  R$n:
    at: DATA
    access: RW
    when: { index: $n }
    fill: R$n
`;

/** The messages about `text`; none when it loads. */
function problems(text: string, file = "latch.yaml"): string[] {
  try {
    loadDescription(text, file);
    return [];
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    return error.message.split("\n");
  }
}

test("a range of a field's values stands for the values in it, and not: for the others", () => {
  const whole = { name: "A", high: 31, low: 0 };
  const few = { name: "A", high: 6, low: 2 };
  const holds = (field: Field, range: string | { not: string[] }, value: number) =>
    cubesHold(
      cubesOf({ A: range }, [field], [], (_, message) => expect.fail(message)),
      value,
    );
  fc.assert(
    fc.property(fc.nat(31), fc.nat(31), fc.nat(255), (a, b, value) => {
      const [lo, hi] = [Math.min(a, b), Math.max(a, b)];
      const bits = (value >> 2) & 31;
      expect(holds(few, `${lo}..${hi}`, value)).toBe(bits >= lo && bits <= hi);
    }),
  );
  const some = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(some, some, fc.nat(255), (a, b, value) => {
      const [lo, hi] = [Math.min(a, b), Math.max(a, b)];
      const bits = (value >> 2) & 31;
      expect(holds(few, { not: ["31..31", `${lo}..${hi}`] }, value)).toBe((bits < lo || bits > hi) && bits !== 31);
    }),
  );
  expect(holds(whole, "0x80000000..0xffffffff", 0xffffffff)).toBe(true);
  expect(holds(whole, "0x80000000..0xffffffff", 0x7fffffff)).toBe(false);
});

test("a right description loads, and names with $ stand once for each value", () => {
  expect(problems(good)).toEqual([]);
  expect(loadDescription(good, "latch.yaml").registers.map(({ name }) => name)).toEqual(["INDEX", "R0", "R1"]);
});

test("a value of a $ name in quotes stands as it is written", () => {
  const text = good
    .replace("n: [0, 1]", 'n: ["0A", "0B"]')
    .replace("index: { bits: 1,", "index: { bits: 8,")
    .replace("fields: { A: 0 }", "fields: { A: [7, 0] }")
    .replace("when: { index: $n }", "when: { index: 0x$n }");
  const rest = "  REST: { at: DATA, access: RW, when: { index: [0x00..0x09, 0x0c..0xff] }, verdict: command }\n";
  const { registers } = loadDescription(text + rest, "latch.yaml");
  expect(registers.map(({ name }) => name)).toEqual(["INDEX", "R0A", "R0B", "REST"]);
  expect(registers[1]?.readGuards).toEqual([{ selector: 0, ranges: [[0x0a, 0x0a]] }]);
});

describe("what stands once for each value", () => {
  const bank = `id: bank
title: Registers that take turns
source: none, made for tests
each: { n: [0, 1, 2], place: { with: n, values: [4, 6, 9] }, next: { with: n, values: [1, 2, 0] } }
ports: { R$n: $place, ALL: 0 }
instances: { bank: { base: 0x300 } }
state:
  turn: { values: [first, second, third], reach: [{ each: n, to: $next, when: { turn: $n }, do: [{ write: R$n }] }] }
registers:
  R$n:
    at: $self
    access: RW
    fields: { PART$n: [7, 0] }
    onWrite: [{ when: { turn: $n }, fill: $self }, { when: { turn: { not: $n } }, lose: { $self: not its turn } }]
  ALL:
    at: ALL
    access: WO
    fields: { R$n: $n }
    onWrite:
      - { set: { turn: first } }
      - { each: n, match: { R$n: 1 }, verdict: command }
      - { match: 0xxxxxxx, clear: { R$n: none } }
      - { match: 1xxxxxxx, fill: [R$n], keep: 0 }
`;

  test("is an entry, a text in a list, and what says so in one", () => {
    const { ports, selectors, registers } = loadDescription(bank, "bank.yaml");
    const [, second, third, all] = registers;
    expect(ports.map(({ name, offset }) => [name, offset])).toEqual([
      ["R0", 4],
      ["R1", 6],
      ["R2", 9],
      ["ALL", 0],
    ]);
    expect(selectors[0]?.reach.map(({ to, guards }) => [to?.ranges, guards[0]?.ranges])).toEqual([
      [[[1, 1]], [[0, 0]]],
      [[[2, 2]], [[1, 1]]],
      [[[0, 0]], [[2, 2]]],
    ]);
    expect(second?.onWrite.map(({ guards }) => guards[0]?.ranges)).toEqual([
      [[1, 1]],
      [
        [0, 0],
        [2, 2],
      ],
    ]);
    expect([third?.port.name, third?.onWrite[1]?.lose[0]?.slot.name, third?.fields[0]?.name]).toEqual([
      "R2",
      "R2",
      "PART2",
    ]);
    const names = ["R0", "R1", "R2"];
    expect(
      all?.onWrite.map(({ fill, clear }) => [fill, clear.map(({ slot }) => slot)].flat().map(({ name }) => name)),
    ).toEqual([[], [], [], [], names, names]);
    expect(all?.onWrite.slice(1, 4).map(({ cubes }) => cubes.map(({ bits }) => bits))).toEqual([[1], [2], [4]]);
  });

  test.each([
    [
      "with what is not there",
      "with: n, values: [4",
      "with: m, values: [4",
      /^bank\.yaml:4:38 each\.place\.with: no name "m"/,
    ],
    [
      "with what goes with another",
      "place: { with: n",
      "place: { with: next",
      /each\.place\.with: no name "next" here that/,
    ],
    ["with too few values", "[4, 6, 9]", "[4, 6]", /each\.place\.values: expected 3, as many as n has$/],
    [
      "for each of nothing",
      "{ each: n, match",
      "{ each: m, match",
      /^bank\.yaml:21:17 .*each: no name "m" under each$/,
    ],
    [
      "for each of what has a value",
      "[{ when: { turn: $n }",
      "[{ each: n, when: { turn: $n }",
      /\$n has a value here already/,
    ],
    ["under the name of the entry", "each: { n:", "each: { self: [0], n:", /each\.self: is the name of the entry/],
    ["for no value", "{ not: $n }", "{ not: [first, second, third] }", /onWrite\.1\.when\.turn: leaves no value$/],
    ["for values that are not there", "{ not: $n }", "{ not: fourth }", /turn has no value fourth/],
    [
      "with a mistake behind it",
      "fill: [R$n]",
      "fill: [R$n, R7]",
      /^bank\.yaml:23:28 registers\.ALL\.onWrite\.5\.fill: no slot or register "R7"/,
    ],
  ])("is refused %s", (_, from, to, message) => {
    expect(bank).toContain(from);
    expect(problems(bank.replace(from, to), "bank.yaml")).toContainEqual(expect.stringMatching(message));
  });
});

describe("a description that extends another", () => {
  const more = `id: more
title: One register more
source: none, made for tests
extends: latch
instances: { more: { base: 0x310 } }
state: { index: { bits: 2, reach: [{ do: [{ write: INDEX, put: A }] }] } }
registers:
  INDEX: { at: INDEX, access: WO, fields: { A: [1, 0] }, onWrite: [{ fill: INDEX, latch: { index: A } }] }
  R2: { at: DATA, access: RW, when: { index: [2, 3] }, fill: R2 }
`;
  const base = { file: "latch.yaml", text: `${good}unreachable: [{ what: a phase, why: it runs }]\norder: 7\n` };
  const messageOf = (load: () => unknown) => {
    try {
      return String(load());
    } catch (error) {
      return error instanceof DescriptionError ? error.message : String(error);
    }
  };

  test("has what it does not say itself from that one, and replaces what has the same name", () => {
    const { id, order, registers, instances, unreachable, selectors } = loadDescription(more, "more.yaml", [base]);
    expect([id, order, registers.map(({ name }) => name)]).toEqual(["more", 7, ["INDEX", "R0", "R1", "R2"]]);
    expect([instances.map(({ name }) => name), selectors[0]?.size]).toEqual([["more"], 4]);
    expect(unreachable.map(({ what }) => what)).toEqual(["a phase"]);
  });

  test("puts what it adds to a list in front, and is told of mistakes there by its own places", () => {
    const added = `${more}unreachable: [{ what: a place, why: it moves }]\n`;
    const { unreachable } = loadDescription(added, "more.yaml", [base]);
    expect(unreachable.map(({ what }) => what)).toEqual(["a place", "a phase"]);
    expect(messageOf(() => loadDescription(added.replace("why", "wy"), "more.yaml", [base]))).toMatch(
      /^more\.yaml:10:.* unreachable\.0\./,
    );
  });

  test("is proven as a whole", () => {
    const gap = more.replace("index: [2, 3]", "index: 2");
    expect(messageOf(() => loadDescription(gap, "more.yaml", [base]))).toMatch(/index = 3 reaches no register/);
  });

  test("extends the first of an id that it is given, and never itself", () => {
    const self = more.replace("extends: latch", "extends: more");
    expect(messageOf(() => loadDescription(more, "more.yaml"))).toMatch(
      /^more\.yaml:4:10 extends: no description "latch"/,
    );
    const circle = [base, { file: "more.yaml", text: self }];
    expect(messageOf(() => loadDescription(self, "again.yaml", circle))).toMatch(/no description "more"/);
  });
});

describe("each kind of mistake is told with its place", () => {
  const cases: [what: string, from: string, to: string, message: RegExp][] = [
    [
      "a wrong keyword",
      "access: RW",
      "access: WR",
      /^latch\.yaml:13:13 registers\.R0\.access: expected one of "RO" \| "WO" \| "RW"$/,
    ],
    ["an unknown key", "title: An", "titel: An", /^latch\.yaml:2:\d+ titel: not a key here; there is id, title, /],
    ["a missing key", "source: none, made for tests\n", "", /source: expected the datasheet/],
    [
      "an unknown port",
      "at: DATA",
      "at: DATUM",
      /^latch\.yaml:12:9 registers\.R0\.at: no port "DATUM"; there is INDEX, DATA$/,
    ],
    ["an unknown selector", "when: { index: $n }", "when: { indx: $n }", /^latch\.yaml:14:19 .*no selector "indx"/],
    [
      "a selector value out of range",
      "when: { index: $n }",
      "when: { index: 2 }",
      /index has no value 2; its values are 0\.\.1/,
    ],
    ["an unknown slot", "fill: R$n", "fill: Q", /no slot or register "Q"/],
    [
      "keys without one selector to count them",
      "registers:\n",
      "slots: { R0: { keys: 0..1 } }\nregisters:\n",
      /slots\.R0\.keys: keys are of a slot with one selector as its key/,
    ],
    [
      "keys the selector does not have",
      "registers:\n",
      "slots: { R0: { key: index, keys: 0..2 } }\nregisters:\n",
      /index has no value 2; its values are 0\.\.1/,
    ],
    ["an unknown field", "latch: { index: A }", "latch: { index: B }", /no field "B" in INDEX/],
    [
      "a field beyond the width",
      "fields: { A: 0 }",
      "fields: { A: [8, 1] }",
      /expected \[high, low\] with 7 ≥ high ≥ low/,
    ],
    ["a field wider than its selector", "fields: { A: 0 }", "fields: { A: [1, 0] }", /A has more values than index/],
    [
      "two registers at once",
      "when: { index: $n }",
      "title: both",
      /ports\.DATA: a read reaches R0 and R1; tell them apart by when/,
    ],
    [
      "a hole",
      "each: { n: [0, 1] }",
      "each: { n: [0] }",
      /a read with index = 1 reaches no register; a hole is a register of its own, RESERVED/,
    ],
    ["a write without meaning", "    fill: R$n\n", "", /registers\.R0: a write to it needs a meaning/],
    ["a never register that fills", "    fill: R$n\n", "    fill: R$n\n    never: it explodes\n", /cannot fill a slot/],
    ["data asked of a read", "access: RW", "access: RW\n    match: xxxxxxx1", /only a WO register can ask for data/],
    ["a pattern of the wrong length", "access: WO", "access: WO, match: x1", /expected 8, 16 or 32 of 0, 1 and x/],
    [
      "a pattern that YAML takes for a number",
      "access: WO",
      "access: WO, match: 10000000",
      /quote a pattern made only of 0 and 1/,
    ],
    ["a duplicate key", "ports: {", "id: again\nports: {", /^latch\.yaml:5:1: Map keys must be unique/],
    ["broken YAML", "ports: {", "ports: [", /^latch\.yaml:\d+:\d+: /],
    [
      "a number with a letter",
      "base: 0x300",
      "base: 300h",
      /base: expected a number such as 12 or 0x2f, found the text "300h"$/,
    ],
    ["a number for a name", "at: DATA", "at: 1", /at: expected a name of letters, digits and _ that begins/],
    [
      "a name with a dash",
      "  INDEX: { at",
      "  IN-DEX: { at",
      /registers\.IN-DEX: expected a name of letters, digits and _/,
    ],
    ["a missing section", "ports: { INDEX: 0, DATA: 1 }\n", "", /ports: missing; expected entries such as/],
    [
      "a field in the datasheet's own form",
      "fields: { A: 0 }",
      "fields: { A: '7:4' }",
      /A: expected a bit such as 7, or bits such as \[7, 4\]$/,
    ],
    [
      "a text with a comma",
      "registers:\n",
      "slots: { R0: { why: it is so, alas } }\nregisters:\n",
      /slots\.R0\.alas: not a key here; .*; quote a text with a comma in it$/,
    ],
    ["a text with a colon", "title: An", "title: Index: an", /a text with a colon in it needs quotes$/],
    [
      "a guard that is no selector's",
      "state:\n  index: { bits: 1, reach: [{ do: [{ write: INDEX, put: A }] }] }\n",
      "",
      /when\.index: no selector "index"; there is none under state or preceding$/,
    ],
    [
      "two ports at one place",
      "DATA: 1 }",
      "DATA: 0 }",
      /ports\.DATA: an access of 8 bits at offset 0x00 is INDEX's already; registers may share a port/,
    ],
    [
      "ports beyond the last one",
      "base: 0x300",
      "base: 0xffff",
      /DATA is at 0x01 from base 0xffff, beyond port 0xffff; ports are offsets from the base$/,
    ],
    [
      "a slot nobody fills",
      "registers:\n",
      "slots: { LOST: { reset: 0 } }\nregisters:\n",
      /slots\.LOST: no register fills it/,
    ],
    ["a selector nobody sets", "state:\n", "state:\n  still: { bits: 1 }\n", /state\.still: no rule sets it/],
    ["a port nobody stands at", "DATA: 1 }", "DATA: 1, OTHER: 2 }", /ports\.OTHER: no register stands at this port/],
    ["a range without values", "access: WO", "access: WO, match: { A: 1..0 }", /match\.A: the range 1\.\.0 is empty/],
    ["a range beyond its field", "access: WO", "access: WO, match: { A: 0..2 }", /2 does not fit into 1 bits/],
    [
      "a deep slot that is read by one register",
      "registers:",
      "slots: { R0: { depth: 2, read: R0 } }\nregisters:",
      /slots\.R0\.read: expected 2 registers, that of the oldest write first/,
    ],
    [
      "a parameter with a key",
      "registers:",
      "slots: { R0: { takes: R1 }, R1: { key: index } }\nregisters:",
      /slots\.R0\.takes: R1 has a key; parameters have none/,
    ],
    [
      "a slot that takes itself",
      "registers:",
      "slots: { R0: { takes: R0 } }\nregisters:",
      /a slot cannot be its own parameter/,
    ],
    [
      "parameters of a deep slot",
      "registers:",
      "slots: { R0: { depth: 2, takes: R1 } }\nregisters:",
      /a slot that takes parameters has no depth/,
    ],
    [
      "dropping the half of what is written whole",
      "latch: { index: A } }]",
      "latch: { index: A }, drop: R0 }]",
      /registers\.INDEX: drop: nothing begins a group of R0/,
    ],
    [
      "dropping parts that have had their effect",
      "registers:\n  INDEX: { at: INDEX, access: WO, fields: { A: 0 }, onWrite: [{ fill: INDEX, latch: { index: A } }] }",
      "slots: { INDEX: { brokenOff: keep } }\nregisters:\n  INDEX: { at: INDEX, access: WO, fields: { A: 0 }, onWrite: [{ match: { A: 1 }, fill: INDEX, part: begin, latch: { index: A } }, { match: { A: 0 }, drop: INDEX }] }",
      /registers\.INDEX: drop: parts of INDEX have their effect as they are written/,
    ],
    [
      "asking a register that cannot be read",
      "registers:",
      "absent: { read: INDEX, values: [0] }\nregisters:",
      /absent\.read: INDEX cannot be read/,
    ],
    [
      "rules that set the same thing",
      "latch: { index: A } }]",
      "latch: { index: A } }, { match: xxxxxxx1, set: { index: 1 } }]",
      /onWrite rules 0 and 1 both set index on 0x01/,
    ],
  ];
  test.each(cases)("%s", (_, from, to, message) => {
    expect(good).toContain(from);
    expect(problems(good.replace(from, to))).toContainEqual(expect.stringMatching(message));
  });

  test("all of them at once", () => {
    const found = problems(good.replace("access: RW", "access: WR").replace("bits: 1,", "bits: 99,"));
    expect(found.length).toBeGreaterThanOrEqual(2);
  });
});

describe("a slot that is brought on", () => {
  const counter = `id: counter
title: What a device counts
source: none, made for tests
ports: { GO: 0, PLACE: 1, AT: 2, KICK: 3 }
instances: { counter: { base: 0x300 } }
slots:
  AT:
    reset: 0
    read: AT
    advance: { write: GO, put: BY, portion: { least: 2, most: 8, unit: 2 }, more: 4, meanwhile: { PLACE: 0 } }
registers:
  GO: { at: GO, access: WO, fields: { BY: [3, 0] }, verdict: command, onWrite: [{ lose: { AT: it counts } }] }
  PLACE: { at: PLACE, access: RW, fill: PLACE }
  AT: { at: AT, access: RO, onRead: [{ learn: AT }] }
  KICK: { at: KICK, access: WO, verdict: command }
`;

  test("loads, and what is lent meanwhile is known by it", () => {
    expect(problems(counter)).toEqual([]);
    const { slots } = loadDescription(counter, "counter.yaml");
    expect(slots.map(({ name, lent }) => [name, lent])).toEqual([
      ["AT", false],
      ["PLACE", true],
    ]);
  });

  test.each([
    ["begins nowhere", "    reset: 0\n", "", /slots\.AT\.advance: only a slot without a key, which says what it is/],
    ["has no portions", "least: 2", "least: 10", /advance: expected least to be no more than most, and/],
    ["has portions of half a unit", "more: 4", "more: 3", /advance: expected least to be no more than most, and/],
    ["has more than fits", "most: 8", "most: 16", /advance\.portion: 16 is too much for BY$/],
    ["has a field that is not there", "put: BY", "put: TO", /advance\.put: no field "TO" in GO$/],
    ["writes what is only read", "write: GO", "write: AT", /advance\.write: AT cannot be written$/],
    ["lends what gets nothing back", "{ PLACE: 0 }", "{ KICK: 1 }", /no slot says what KICK gets back/],
    [
      "is filled by a write",
      "verdict: command }",
      "fill: AT }",
      /slots\.AT\.advance: a write fills AT, which brings it back/,
    ],
  ])("is refused where it %s", (_, from, to, message) => {
    expect(problems(counter.replace(from, to))).toContainEqual(expect.stringMatching(message));
  });
});

describe("an interrupt that is made pending again", () => {
  const asking = `${good.replace("base: 0x300", "base: 0x300, irq: 5")}quiet: [{ read: R0, mask: 1, unless: interrupt, why: it waits }]
interrupts: [{ when: { index: 0 }, shows: [{ read: R1, mask: 6, is: 2 }], do: [{ write: R0, value: 1 }], again: R0, why: it asks }]
`;

  test("has a line, a state, steps, and what they change", () => {
    expect(problems(asking)).toEqual([]);
    const { instances, quiet, interrupts } = loadDescription(asking, "latch.yaml");
    expect([instances[0]?.irq, quiet[0]?.unlessInterrupt]).toEqual([5, true]);
    expect(interrupts).toMatchObject([
      { shows: [{ read: { name: "R1" }, mask: 6, is: 2 }], steps: [{ value: 1 }], again: [{ name: "R0" }] },
    ]);
  });

  test.each([
    ["has no line", ", irq: 5", "", /interrupts: no instance says on which line it asks: irq$/],
    ["has no line, and waits unless it has", ", irq: 5", "", /quiet\.0\.unless: no instance says on which line/],
    ["has a line that there is not", "irq: 5", "irq: 16", /instances\.latch\.irq/],
    ["shows other bits than are looked at", "is: 2", "is: 3", /shows\.0\.is: has bits outside the mask$/],
    ["shows what cannot be read", "read: R1", "read: INDEX", /shows\.0\.read: INDEX cannot be read$/],
    ["puts a value that nobody gives", "value: 1", "put: A", /do\.0\.put: only a way to a selector puts its value$/],
    [
      "does what is never done",
      "fill: R$n",
      "verdict: command\n    never: it bites",
      /do\.0\.write: R0 is never written/,
    ],
    [
      "neither asks nor brings anything back",
      "do: [{ write: R0, value: 1 }], again: R0, ",
      "",
      /interrupts\.0: expected steps under do, or slots under again$/,
    ],
    ["brings back what is not there", "again: R0", "again: R7", /again: no slot or register "R7"/],
  ])("is refused where it %s", (_, from, to, message) => {
    expect(problems(asking.replace(from, to))).toContainEqual(expect.stringMatching(message));
  });
});

describe("a stranger's file", () => {
  test("gives a typed error or a device, whatever is in it", () => {
    const alphabet = fc.constantFrom(..."{}[]:,-&*!|>'\"%@`#$\n \tabx019".split(""));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length), alphabet), { maxLength: 6 }), (edits) => {
        let text = good;
        for (const [at, character] of edits) text = text.slice(0, at) + character + text.slice(at + 1);
        problems(text);
      }),
      { numRuns: 400 },
    );
  });

  test("cannot make names without bound", () => {
    const values = `[${[...Array(200).keys()].join(", ")}]`;
    const text = good
      .replace("{ n: [0, 1] }", `{ n: ${values}, m: ${values}, o: ${values} }`)
      .replaceAll("R$n", "R$n_$m_$o");
    expect(problems(text)[0]).toMatch(/registers: more than 4096 entries/);
  });

  test("cannot make values without bound", () => {
    const values = `[${[...Array(200).keys()].join(", ")}]`;
    const text = good
      .replace("{ n: [0, 1] }", `{ n: [0, 1], m: ${values}, o: ${values} }`)
      .replace(
        "fill: R$n",
        `onWrite: [{ fill: R$n, lose: { ${[...Array(20).keys()].map((i) => `L${i}_$m_$o: why`).join(", ")} } }]`,
      );
    expect(problems(text)).toEqual([
      expect.stringMatching(/more than \d+ values once the names of each are written out$/),
    ]);
  });

  test("has no keys that are not seen", () => {
    expect(problems(`${good}__proto__: { ports: {} }\n`)).toEqual([
      expect.stringMatching(/^latch\.yaml:16:1 __proto__: not a key here/),
    ]);
  });

  test("cannot make aliases without bound", () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 10; i++) {
      const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)];
      lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
    }
    expect(problems(lines.join("\n")).join("\n")).toMatch(/alias/i);
  });

  test("cannot make patterns without bound", () => {
    const values = `[${[...Array(128).keys()].join(", ")}]`;
    const fields = "{ A: 0, B: [7, 1], C: [14, 8], D: [21, 15], E: [28, 22] }";
    const text = good
      .replace("INDEX: 0,", "INDEX: { offset: 0, widths: [32] },")
      .replace(
        "fields: { A: 0 }",
        `fields: ${fields}, match: { B: ${values}, C: ${values}, D: ${values}, E: ${values} }`,
      );
    expect(problems(text)).toContainEqual(expect.stringMatching(/more than 1024 patterns/));
  });

  test("cannot keep the proof busy without bound", () => {
    const names = [...Array(6).keys()];
    const selectors = names.map((i) => `  s${i}: { bits: 8 }`).join("\n");
    const guards = (value: number) =>
      names.map((i) => `s${i}: [${[0, 2, 4, 6, 8, 10, 12, 14].map((n) => n + value).join(", ")}]`);
    const registers = [0, 1].map(
      (value) => `  Q${value}: { at: OTHER, access: RO, when: { ${guards(value).join(", ")} } }`,
    );
    const text = good
      .replace("DATA: 1 }", "DATA: 1, OTHER: 2 }")
      .replace("state:\n", `state:\n${selectors}\n`)
      .replace("registers:\n", `registers:\n${registers.join("\n")}\n`);
    expect(problems(text)).toContainEqual(expect.stringMatching(/ports\.OTHER: too many cases to prove/));
  });
});
