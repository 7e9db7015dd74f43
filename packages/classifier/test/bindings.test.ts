import { BatchBuilder, emptyBatch, opOf } from "@portrait/tracer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builtinDescriptions, Classifier, DescriptionError, loadLibrary } from "../src/index.ts";
import { classify, outs, type Row } from "./support/classify.ts";
import { BUS_MASTER, configRead, configWrite, IO_SPACE, placed } from "./support/pci.ts";

/** Two cards of one kind at the most, each with an 8-bit and a 16-bit register. */
const nic = `
id: nic
title: A card for tests
source: none, made for tests
each: { n: [1, 2] }
ports: { INDEX: 0, VALUE: { offset: 2, widths: [16] } }
instances:
  nic$n:
    bound:
      to: pci
      shows: [{ at: 0x00, is: 0x56781234 }]
      base: { at: 0x10, mask: 0xfffffff8 }
      enabled: { at: 0x04, mask: 0x01 }
  half$n:
    bound:
      to: pci
      shows: [{ at: 0x08, mask: 0xffff0000, is: 0x01010000 }]
      base: { at: 0x20, mask: 0xfffffff0 }
      enabled: { at: 0x04, mask: 0x01 }
      offset: 8
state: { index: { bits: 8, reach: [{ do: [{ write: INDEX, put: INDEX }] }] } }
slots:
  VALUE: { key: index, why: what the test wrote }
registers:
  INDEX: { at: INDEX, access: WO, fields: { INDEX: [7, 0] }, onWrite: [{ latch: { index: INDEX }, verdict: state }] }
  VALUE: { at: VALUE, access: RW, fill: VALUE }
`;
const ID = 0x56781234;
const withNic = (text = nic) => ({ ids: ["pci", "uart16550"], more: [{ file: "nic.yaml", text }] });
const run = (rows: readonly Row[], more: { fromReset?: boolean } = {}) => classify(rows, { ...withNic(), ...more });
const index = (base: number, value: number): Row => ["out", base, value];
const last = (rows: readonly Row[]) => run(rows).registers.at(-1);

describe("a device whose ports the guest places", () => {
  test("stands where the base address says, once the guest has seen what it is", () => {
    expect(last([...placed(3, ID, 0, 0xc000), index(0xc000, 5)])).toBe("nic1.INDEX");
    expect(last([...placed(3, ID, 0, 0xc000), ["out", 0xc002, 0x1234, 16]])).toBe("nic1.VALUE");
  });

  test("stands nowhere while the guest has seen another device there, or none", () => {
    for (const id of [0x56791234, 0xffffffff]) expect(last([...placed(3, id, 0, 0xc000), index(0xc000, 5)])).toBe("-");
    expect(last([...placed(3, ID, 0, 0xc000).slice(2), index(0xc000, 5)])).toBe("-");
  });

  test("is recognised by words and bytes as well", () => {
    const halves = [...configRead(3, 0, 0x1234, 16), ...configRead(3, 2, 0x78), ...configRead(3, 3, 0x56, 8)];
    const rest = placed(3, ID, 0, 0xc000).slice(2);
    expect(last([...configRead(3, 0, 0x1234, 16), ...configRead(3, 2, 0x5678, 16), ...rest, index(0xc000, 5)])).toBe(
      "nic1.INDEX",
    );
    expect(last([...halves.slice(0, 2), ...rest, index(0xc000, 5)])).toBe("-");
  });

  test("is recognised after its base was written, too", () => {
    const [read, ...rest] = [placed(3, ID, 0, 0xc000).slice(0, 2), placed(3, ID, 0, 0xc000).slice(2)];
    expect(last([...rest.flat(), ...read, index(0xc000, 5)])).toBe("nic1.INDEX");
  });

  test("what the guest writes over an identity does not change it", () => {
    const rows = [...placed(3, ID, 0, 0xc000), ...configWrite(3, 0, 0), index(0xc000, 5)];
    expect(last(rows)).toBe("nic1.INDEX");
  });

  test("may be known by its class alone, and stand at an offset from its base", () => {
    const ide = [...configRead(3, 0x08, 0x01018000), ...placed(3, 0xabcd1234, 4, 0xc040).slice(2)];
    expect(last([...ide, index(0xc048, 5)])).toBe("half1.INDEX");
    expect(last([...ide, index(0xc040, 5)])).toBe("-");
  });

  test("takes no ports while decoding is off, and its registers stay what they are", () => {
    const off = configWrite(3, 0x04, BUS_MASTER, 16);
    const rows: Row[] = [...placed(3, ID, 0, 0xc000), index(0xc000, 5), ["out", 0xc002, 0x77, 16], ...off];
    const seen = run([...rows, index(0xc000, 6)]);
    expect(seen.registers.at(-1)).toBe("-");
    expect(seen.state("nic1").whereabouts).toEqual({ base: undefined, why: "the guest has switched its ports off" });
    expect(seen.slot("nic1", "VALUE", 5)).toBe(0x77);
    expect(seen.selector("nic1", "index")).toBe(5);
  });

  test("moves, and leaves its old ports", () => {
    const rows: Row[] = [...placed(3, ID, 0, 0xc000), index(0xc000, 5), ...configWrite(3, 0x10, 0xd001)];
    expect(last([...rows, index(0xc000, 5)])).toBe("-");
    const seen = run([...rows, ["out", 0xd002, 0x77, 16]]);
    expect(seen.registers.at(-1)).toBe("nic1.VALUE");
    expect(seen.slot("nic1", "VALUE", 5)).toBe(0x77);
  });

  test("a size probe and a base of 0 are no places", () => {
    for (const value of [0xffffffff, 0xfffffff1, 0x00000001, 0x0001c001]) {
      const seen = run([...placed(3, ID, 0, 0xc000), ...configWrite(3, 0x10, value), index(0xc000, 5)]);
      expect(seen.registers.at(-1)).toBe("-");
      expect(seen.state("nic1").whereabouts.base).toBeUndefined();
    }
    const probed = [...configWrite(3, 0x10, 0xffffffff), ...configRead(3, 0x10, 0xfffffff1)];
    const rows = [...placed(3, ID, 0, 0xc000), ...probed, ...configWrite(3, 0x10, 0xc001), index(0xc000, 5)];
    expect(last(rows)).toBe("nic1.INDEX");
  });

  test("a read shows where it is, whatever was written", () => {
    const rows = [...placed(3, ID, 0, 0xc000), ...configRead(3, 0x10, 0xd001), index(0xd000, 5)];
    expect(last(rows)).toBe("nic1.INDEX");
  });

  test("a base is put together from words and bytes", () => {
    const words = [...configWrite(3, 0x12, 0, 16), ...configWrite(3, 0x11, 0xd0, 8), ...configWrite(3, 0x10, 0x21, 8)];
    expect(last([...placed(3, ID, 0, 0xc000), ...words, index(0xd020, 5)])).toBe("nic1.INDEX");
  });

  test("is gone when its place reads as ones, and another may take its name", () => {
    const gone = run([
      ...placed(3, ID, 0, 0xc000),
      index(0xc000, 5),
      ...configRead(3, 0, 0xffffffff),
      index(0xc000, 5),
    ]);
    expect(gone.registers.at(-1)).toBe("-");
    expect(gone.selector("nic1", "index")).toBe("unknown");
    const rows = [...placed(3, ID, 0, 0xc000), ...configRead(3, 0, 0xffffffff), ...placed(5, ID, 0, 0xc000)];
    expect(last([...rows, index(0xc000, 5)])).toBe("nic1.INDEX");
  });
});

describe("several devices of one kind", () => {
  const two = [...placed(3, ID, 0, 0xc000), ...placed(4, ID, 0, 0xc100)];

  test("take the instances in the order the guest sees them, and keep them", () => {
    const rows = [...two, ...configWrite(3, 0x10, 0xd001), index(0xd000, 1), index(0xc100, 2)];
    const seen = run(rows);
    expect(seen.registers.slice(-2)).toEqual(["nic1.INDEX", "nic2.INDEX"]);
    expect([seen.selector("nic1", "index"), seen.selector("nic2", "index")]).toEqual([1, 2]);
  });

  test("more than there are instances are not covered", () => {
    expect(last([...two, ...placed(5, ID, 0, 0xc200), index(0xc200, 1)])).toBe("-");
  });

  test("at the same ports: neither is taken for the other", () => {
    const rows = [...two, index(0xc000, 1), index(0xc100, 1), ...configWrite(4, 0x10, 0xc001), index(0xc000, 2)];
    const seen = run(rows);
    expect(seen.registers.at(-1)).toBe("nic1.INDEX?+nic2.INDEX?");
    expect([seen.selector("nic1", "index"), seen.selector("nic2", "index")]).toEqual(["unknown", "unknown"]);
    // The same value again tells nothing new of either.
    expect(run([...rows.slice(0, -1), index(0xc000, 1)]).selector("nic1", "index")).toBe(1);
  });

  test("over a fixed device's ports: that one's registers are in doubt as well, until it stands alone again", () => {
    const lcr = outs(0x3fb, 0x03);
    const over = [...placed(3, ID, 0, 0x3f0), ...configWrite(3, 0x10, 0x3f9)];
    const seen = run([...lcr, ...placed(3, ID, 0, 0x3f0), ["out", 0x3f8, 0x55]]);
    expect(seen.registers.at(-1)).toBe("com1.THR");
    expect(run([...lcr, ...over, ["out", 0x3f8, 1]]).registers.at(-1)).toBe("com1.THR?+nic1.INDEX?");
    const wide = run([...lcr, ...over, ["out", 0x3fa, 0x0780, 16]]);
    expect(wide.registers.at(-1)).toBe("nic1.VALUE?+com1.FCR?+com1.LCR?");
    expect(wide.slot("com1", "LCR")).toMatch(/^unknown: access \d+ may have changed it/);
    const apart = [...lcr, ...over, ...configWrite(3, 0x10, 0xc001), ["out", 0x3f8, 1]] as const;
    expect(run(apart).registers.at(-1)).toBe("com1.THR");
  });
});

describe("what was not observed", () => {
  const late = { fromReset: false };

  test("a trace that begins late knows no base until the guest writes or reads one, and says why", () => {
    const identified = configRead(3, 0, ID);
    const seen = run([...identified, index(0xc000, 5)], late);
    expect(seen.registers.at(-1)).toBe("-");
    expect(seen.state("nic1").whereabouts).toEqual({
      base: undefined,
      why: "the trace begins after the machine was started",
    });
    const shown = [...configRead(3, 0x10, 0xc001), ...configRead(3, 0x04, 0x0103, 16)];
    expect(run([...identified, ...shown, index(0xc000, 5)], late).registers.at(-1)).toBe("nic1.INDEX");
  });

  test("a write through a window at an address nobody knows may have moved any device", () => {
    const seen = run([["out", 0xcfc, 0xc001, 32], ...placed(3, ID, 0, 0xc000), index(0xc000, 5)], late);
    expect(seen.registers.at(-1)).toBe("nic1.INDEX");
    expect(run([["out", 0xcfc, 0xc001, 32], ...configRead(3, 0, ID)], late).state("nic1").whereabouts).toEqual({
      base: undefined,
      why: "access 0 may have moved any device",
    });
  });

  test("after a gap devices are what they were, but may be anywhere", () => {
    const all = [...placed(3, ID, 0, 0xc000), ...configWrite(3, 0x10, 0xd001), ...configWrite(3, 4, IO_SPACE, 16)];
    const rows = [...all.slice(0, 6), ...all.slice(6)];
    const seen = classify((builder) => {
      rows.forEach(([direction, port, value, width = 8], i) => {
        if (i === 6) builder.gap(0, "buffer full", 3);
        builder.push(0, port, opOf(direction, width), value);
      });
      builder.push(0, 0xd000, opOf("out", 8), 5);
    }, withNic());
    expect(seen.registers.at(-1)).toBe("nic1.INDEX");
    const cut = classify((builder) => {
      for (const [direction, port, value, width = 8] of placed(3, ID, 0, 0xc000)) {
        builder.push(0, port, opOf(direction, width), value);
      }
      builder.gap(0, "buffer full", 3);
      builder.push(0, 0xc000, opOf("out", 8), 5);
    }, withNic());
    expect(cut.registers.at(-1)).toBe("-");
    expect(cut.state("nic1").whereabouts).toEqual({ base: undefined, why: "not observed: buffer full" });
  });
});

test("a guest that writes to every function makes nobody forget a device that was recognised, and more are found", () => {
  const storm = [...Array(2000).keys()].flatMap((i): Row[] => [
    ["out", 0xcf8, 0x80010010 + 0x100 * i, 32],
    ["out", 0xcfc, 0xc001, 32],
  ]);
  const rows = [...placed(3, ID, 0, 0xc000), ...storm, ...placed(4, ID, 0, 0xd000), index(0xc000, 5), index(0xd000, 5)];
  expect(run(rows).registers.slice(-2)).toEqual(["nic1.INDEX", "nic2.INDEX"]);
});

test("whatever is written through the window, the devices that stand fixed are always found", () => {
  const register = fc.constantFrom(0x00, 0x04, 0x08, 0x10, 0x11, 0x12, 0x20);
  const value = fc.oneof(fc.constantFrom(ID, 0x3f1, 0x3f9, 0xc001, 0x2f9, 0xffffffff, 1, 0x01018000), fc.nat());
  const access = fc.tuple(fc.boolean(), fc.nat(3), register, value, fc.constantFrom<8 | 16 | 32>(8, 16, 32));
  fc.assert(
    fc.property(fc.array(access, { maxLength: 40 }), (accesses) => {
      const rows = accesses.flatMap(([out, device, at, data, width]) =>
        (out ? configWrite : configRead)(device, at, width === 32 ? data : data & 0xff, width),
      );
      const { registers, state } = run([...rows, ["out", 0x2fb, 0x03], ["in", 0x3fd, 0x60]]);
      expect(registers.at(-2)).toMatch(/com2\.LCR/);
      expect(registers.at(-1)).toMatch(/com1\.LSR/);
      for (const name of ["nic1", "nic2", "half1", "half2"]) {
        const { base } = state(name).whereabouts;
        expect(base ?? 0).toBeLessThanOrEqual(0xffff);
      }
    }),
  );
});

function nicLibrary() {
  const { ids, more } = withNic();
  const own = builtinDescriptions().filter(({ file }) => ids.includes(file.replace(/^.*\//, "").replace(".yaml", "")));
  return loadLibrary([...own, ...more], { aliases: false });
}

function feed(classifier: Classifier, rows: readonly Row[], firstSeq: number): void {
  const builder = new BatchBuilder((batch) => classifier.feed(batch), { firstSeq });
  for (const [direction, port, value, width = 8] of rows) builder.push(0, port, opOf(direction, width), value);
  builder.flush();
}

/** A classifier that begins with what another one knows. */
function continued(whole: Classifier): Classifier {
  const late = new Classifier(whole.library, { fromReset: false });
  late.feed({ ...emptyBatch(whole.nextSeq), anchor: whole.anchor() });
  return late;
}

test.each([
  ["a trace from reset", true, 0xc000],
  ["a trace that began late", false, undefined],
])("half a base that was written after the anchor of %s", (_, fromReset, base) => {
  const late = continued(new Classifier(nicLibrary(), { fromReset }));
  feed(
    late,
    [...configRead(3, 0x00, ID), ...configWrite(3, 0x10, 0xc001, 16), ...configWrite(3, 0x04, IO_SPACE, 16)],
    0,
  );
  expect(late.states.find(({ instance }) => instance.name === "nic1")?.whereabouts.base).toBe(base);
});

test("a trace that begins with an anchor puts every device where the whole trace does", () => {
  const register = fc.constantFrom(0x00, 0x04, 0x10, 0x20);
  const value = fc.oneof(fc.constantFrom(ID, 0xc001, 0xd001, 0xffffffff, 0, 1), fc.nat());
  const access = fc.tuple(fc.boolean(), fc.nat(3), register, value);
  const rowsOf = fc
    .array(access, { maxLength: 40 })
    .map((accesses) =>
      accesses.flatMap(([out, device, at, data]) => (out ? configWrite : configRead)(device, at, data)),
    );
  const begun = [...placed(3, ID, 0, 0xc000), index(0xc000, 5), ...placed(4, ID, 0, 0xd000)];
  const library = nicLibrary();
  const placesOf = ({ states }: Classifier) =>
    states.map(({ instance, whereabouts, selectors }) => [instance.name, whereabouts.base, [...selectors]]);
  fc.assert(
    fc.property(rowsOf, rowsOf, (before, after) => {
      const whole = new Classifier(library, { fromReset: true });
      feed(whole, [...begun, ...before], 0);
      const late = continued(whole);
      expect(placesOf(late)).toEqual(placesOf(whole));
      for (const classifier of [whole, late]) feed(classifier, [...after, index(0xc000, 7)], whole.nextSeq);
      expect(placesOf(late)).toEqual(placesOf(whole));
    }),
  );
});

describe("a device that stands where another does until it is seen", () => {
  const plain = `
id: plain
title: A device at a place of its own
source: none, made for tests
ports: { VALUE: 0 }
instances: { plain: { base: 0x300 } }
registers: { VALUE: { at: VALUE, access: RW, fill: VALUE } }
`;
  const better = `
id: better
title: The same with another name
source: none, made for tests
extends: plain
instances: { better: { bound: { to: pci, shows: [{ at: 0x00, is: 0x56781234 }], base: 0x300, insteadOf: plain } } }
`;
  const [betterFile, plainFile] = [
    { file: "better.yaml", text: better },
    { file: "plain.yaml", text: plain },
  ];
  const more = [betterFile, plainFile];
  const of = (rows: readonly Row[], fromReset = true) => classify(rows, { ids: ["pci"], more, fromReset });
  const write: Row = ["out", 0x300, 5];

  test("has the other one's ports from then on, and alone", () => {
    const seen = of([...configRead(3, 0, ID), write]);
    expect([seen.registers.at(-1), seen.slot("better", "VALUE")]).toEqual(["better.VALUE", 5]);
    expect(of([...configRead(3, 0, 0x11111111), write]).registers.at(-1)).toBe("plain.VALUE");
    expect(of([...configRead(3, 0, ID), write], false).registers.at(-1)).toBe("better.VALUE");
  });

  test("gives them back when it is gone", () => {
    expect(of([...configRead(3, 0, ID), write, ...configRead(3, 0, 0xffffffff), write]).registers.at(-1)).toBe(
      "plain.VALUE",
    );
  });

  test("is not known where the guest used the other one before", () => {
    const seen = of([write, ...configRead(3, 0, ID)]);
    expect(seen.slot("better", "VALUE")).toMatch(
      /^unknown: the guest used it as plain before it was seen to be better/,
    );
    expect([seen.state("plain").touched, seen.state("better").touched]).toEqual([false, true]);
  });

  test("goes on standing there after a gap, and by an anchor", () => {
    const library = loadLibrary([...builtinDescriptions().filter(({ file }) => file === "pci.yaml"), ...more], {
      aliases: false,
    });
    const classifier = new Classifier(library, { fromReset: true });
    feed(classifier, [...configRead(3, 0, ID), write], 0);
    const late = continued(classifier);
    const knownOf = ({ states }: Classifier) =>
      states.map(({ instance, touched, whereabouts }) => [instance.name, touched, whereabouts.base]);
    expect(knownOf(late)).toEqual(knownOf(classifier));
    classifier.lose("a gap");
    const next = { direction: "out", port: 0x300, width: 8, value: 1 } as const;
    expect(classifier.candidates(next).map(({ instance }) => instance.name)).toEqual(["better"]);
  });

  test("is refused where there is no such other one", () => {
    const wrong = { file: "better.yaml", text: better.replace("insteadOf: plain", "insteadOf: plane") };
    expect(() => classify([], { ids: ["pci"], more: [wrong, plainFile] })).toThrow(
      /no instance "plane" with a base of its own/,
    );
  });
});

describe("mistakes in a binding", () => {
  const problems = (from: string, to: string): string => {
    expect(nic).toContain(from);
    const sources = builtinDescriptions().filter(({ file }) => file === "pci.yaml");
    try {
      loadLibrary([...sources, { file: "nic.yaml", text: nic.replace(from, to) }], { aliases: false });
      return "";
    } catch (error) {
      if (!(error instanceof DescriptionError)) throw error;
      return error.message;
    }
  };

  test.each<[string, string, string, RegExp]>([
    ["a window there is not", "to: pci", "to: pcie", /instances\.nic1\.bound\.to: no window "pcie"; there is pci/],
    ["a place beyond a page", "at: 0x10", "at: 0x100", /0x100 lies beyond pci's pages of 256 bytes/],
    ["half a dword", "at: 0x10", "at: 0x12", /^nic\.yaml:\d+:\d+ .*expected the offset of a dword: a multiple of 4/],
    ["an identity outside its mask", "is: 0x01010000", "is: 0x01010001", /has bits outside the mask/],
    ["neither base nor binding", "  half$n:\n    bound:", "  spare: {}\n  half$n:\n    bound:", /expected either base/],
    ["both", "  half$n:\n    bound:", "  half$n:\n    base: 1\n    bound:", /expected either base: address or bound/],
    ["always there", "  nic$n:\n", "  nic$n:\n    presence: always\n", /presence: always is for a device whose ports/],
    ["aliases", "  nic$n:\n", "  nic$n:\n    aliases: [4]\n", /aliases are of a fixed base/],
  ])("%s", (_, from, to, message) => {
    expect(problems(from, to)).toMatch(message);
  });
});
