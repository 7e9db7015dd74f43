import { describe, expect, test } from "vitest";
import { expectedAccesses } from "../../../test-support/guest.ts";
import type { Criterion } from "../src/index.ts";
import { classify, ins, outs, type Row } from "./support/classify.ts";

const NAMES: readonly Criterion[] = ["port", "direction", "data", "state", "preceding"];

describe.each(NAMES)("the guest criterion-%s", (criterion) => {
  const expected = expectedAccesses(`criterion-${criterion}`);
  const rows = expected.map(({ direction, port, width, value }): Row => [direction, port, value ?? 0xff, width]);
  const seen = classify(rows).rows;

  test("makes the accesses its source says, register by register", () => {
    expect(seen.map(({ register }) => register)).toEqual(expected.map((one) => `${one.device}.${one.register}`));
  });

  test("has accesses that could be several registers if the criterion were not looked at", () => {
    const decided = rows.filter((_, i) => seen[i]?.criteria.includes(criterion));
    expect(decided.length).toBeGreaterThanOrEqual(7);
    rows.forEach((row, i) => {
      const candidates = classify(rows.slice(0, i)).candidates(row, criterion);
      expect(candidates).toContain(seen[i]?.register);
      expect(candidates.length > 1).toBe(seen[i]?.criteria.includes(criterion));
    });
  });
});

/** An access after others, what it is, and what else it could be if one criterion were not looked at. */
interface Fixture {
  readonly what: string;
  readonly before?: readonly Row[];
  readonly access: Row;
  readonly is: string;
  readonly else: readonly string[];
}

const ICW1: Row = ["out", 0x20, 0x11];
const ICWS: Row[] = [ICW1, ...outs(0x21, 0x20, 0x04, 0x01)];
const DLAB_ON: Row = ["out", 0x3fb, 0x83];
const COLOUR: Row = ["out", 0x3c2, 0x67];
const PIT_WORD: Row = ["out", 0x43, 0x34];
const AT_21H = ["pic1.ICW2", "pic1.ICW3", "pic1.ICW4", "pic1.OCW1"];

const fixtures: Record<Exclude<Criterion, "port">, readonly Fixture[]> = {
  direction: [
    { what: "OUT 3F7h", access: ["out", 0x3f7, 0], is: "fdc1.CCR", else: ["fdc1.DIR"] },
    { what: "IN 3F7h", access: ["in", 0x3f7, 0], is: "fdc1.DIR", else: ["fdc1.CCR"] },
    { what: "OUT 1F7h", access: ["out", 0x1f7, 0x20], is: "ata1.COMMAND", else: ["ata1.STATUS"] },
    { what: "IN 1F7h", access: ["in", 0x1f7, 0x50], is: "ata1.STATUS", else: ["ata1.COMMAND"] },
    { what: "OUT 3C2h", access: ["out", 0x3c2, 0x67], is: "vga.MISC_OUTPUT", else: ["vga.INPUT_STATUS_0"] },
    { what: "IN 3C2h", access: ["in", 0x3c2, 0x10], is: "vga.INPUT_STATUS_0", else: ["vga.MISC_OUTPUT"] },
  ],
  data: [
    { what: "OUT 20h of 11h", access: ICW1, is: "pic1.ICW1", else: ["pic1.OCW2", "pic1.OCW3", "pic1.RESERVED"] },
    {
      what: "OUT 20h of 20h",
      access: ["out", 0x20, 0x20],
      is: "pic1.OCW2",
      else: ["pic1.ICW1", "pic1.OCW3", "pic1.RESERVED"],
    },
    {
      what: "OUT 20h of 0Bh",
      access: ["out", 0x20, 0x0b],
      is: "pic1.OCW3",
      else: ["pic1.ICW1", "pic1.OCW2", "pic1.RESERVED"],
    },
    ...[
      { value: 0x34, is: "pit.CONTROL0" },
      { value: 0x00, is: "pit.LATCH0" },
      { value: 0xc2, is: "pit.READ_BACK" },
    ].map(({ value, is }): Fixture => {
      const all = [0, 1, 2].flatMap((c) => [`pit.CONTROL${c}`, `pit.LATCH${c}`]);
      const others = [...all, "pit.READ_BACK"].filter((name) => name !== is);
      return { what: `OUT 43h of ${value.toString(16)}h`, access: ["out", 0x43, value], is, else: others };
    }),
  ],
  state: [
    { what: "OUT 3F8h, LCR.DLAB = 0", access: ["out", 0x3f8, 0x41], is: "com1.THR", else: ["com1.DLL"] },
    {
      what: "OUT 3F8h, LCR.DLAB = 1",
      before: [DLAB_ON],
      access: ["out", 0x3f8, 1],
      is: "com1.DLL",
      else: ["com1.THR"],
    },
    {
      what: "OUT 71h, index 0Ah",
      before: outs(0x70, 0x0a),
      access: ["out", 0x71, 0x26],
      is: "rtc.REG_A",
      else: [
        "SECONDS",
        "SECONDS_ALARM",
        "MINUTES",
        "MINUTES_ALARM",
        "HOURS",
        "HOURS_ALARM",
        "DAY_OF_WEEK",
        "DATE_OF_MONTH",
        "MONTH",
        "YEAR",
        "REG_B",
        "RESERVED",
        "CENTURY",
        "RAM",
      ].map((name) => `rtc.${name}`),
    },
    {
      what: "IN 20h after OCW3 asked for ISR",
      before: outs(0x20, 0x0b),
      access: ["in", 0x20, 0],
      is: "pic1.ISR",
      else: ["pic1.IRR"],
    },
  ],
  preceding: [
    { what: "OUT 21h of a controller that is ready", access: ["out", 0x21, 1], is: "pic1.OCW1", else: AT_21H },
    { what: "OUT 21h after ICW1", before: [ICW1], access: ["out", 0x21, 1], is: "pic1.ICW2", else: AT_21H },
    { what: "the second", before: ICWS.slice(0, 2), access: ["out", 0x21, 1], is: "pic1.ICW3", else: AT_21H },
    { what: "the third", before: ICWS.slice(0, 3), access: ["out", 0x21, 1], is: "pic1.ICW4", else: AT_21H },
    { what: "the fourth", before: ICWS, access: ["out", 0x21, 1], is: "pic1.OCW1", else: AT_21H },
    {
      what: "the second byte of a count",
      before: [PIT_WORD, ["out", 0x40, 0xa5]],
      access: ["out", 0x40, 0xa5],
      is: "pit.COUNT0_HIGH",
      else: ["pit.COUNT0_LOW"],
    },
    {
      what: "OUT 3C0h after IN 3DAh",
      before: [COLOUR, ...outs(0x3c0, 0x01), ...ins(0x3da, 0)],
      access: ["out", 0x3c0, 0x01],
      is: "vga.ATTR_ADDRESS",
      else: ["vga.AR_PALETTE"],
    },
    {
      what: "a DMA byte after OUT 0Ch",
      before: [...outs(0x04, 0x34), ...outs(0x0c, 0)],
      access: ["out", 0x04, 0x12],
      is: "dma1.ADDRESS2_LOW",
      else: ["dma1.ADDRESS2_HIGH"],
    },
  ],
};

describe.each(["direction", "data", "state", "preceding"] as const)("by %s", (criterion) => {
  test.each(fixtures[criterion])("$what is $is", ({ before = [], access, is, else: others }) => {
    const { rows } = classify([...before, access]);
    const [one] = rows.slice(-1);
    expect(one?.register).toBe(is);
    expect(one?.criteria).toContain(criterion);
    expect(classify(before).candidates(access)).toEqual([is]);
    expect(classify(before).candidates(access, criterion).sort()).toEqual([...new Set([is, ...others])].sort());
  });
});

describe("by port", () => {
  test.each(ICWS.map((_, i) => i))("byte %i of an initialisation is the master's or the slave's", (i) => {
    const slave = ICWS.map(([, port, value]): Row => ["out", port + 0x80, value]);
    const both = classify(ICWS.flatMap((row, j) => (j < i ? [row, slave[j] ?? row] : [])));
    const name = ["ICW1", "ICW2", "ICW3", "ICW4"][i];
    for (const [device, row] of [
      ["pic1", ICWS[i] ?? ICW1],
      ["pic2", slave[i] ?? ICW1],
    ] as const) {
      expect(both.candidates(row)).toEqual([`${device}.${name}`]);
      expect(both.candidates(row, "port")).toEqual(expect.arrayContaining([`pic1.${name}`, `pic2.${name}`]));
    }
  });
});

describe("OUT 60h by the command before it", () => {
  test.each([
    { what: "64h<-60h", before: outs(0x64, 0x60), value: 0x45, is: "CCB" },
    { what: "64h<-D1h", before: outs(0x64, 0xd1), value: 0xdf, is: "OUTPUT_PORT" },
    { what: "64h<-D4h", before: outs(0x64, 0xd4), value: 0xf4, is: "AUX_REPORTING" },
    { what: "60h<-EDh", before: outs(0x60, 0xed), value: 0x02, is: "KBD_LEDS" },
    { what: "60h<-F0h", before: outs(0x60, 0xf0), value: 0x02, is: "KBD_SCANSET" },
    { what: "60h<-F3h", before: outs(0x60, 0xf3), value: 0x20, is: "KBD_RATE" },
    { what: "none", before: [], value: 0x02, is: "KBD_UNKNOWN" },
  ])("$what: $is", ({ before, value, is }) => {
    const session = classify(before);
    expect(session.candidates(["out", 0x60, value])).toEqual([`kbc.${is}`]);
    const unsure = session.candidates(["out", 0x60, value], "preceding");
    expect(unsure).toEqual(expect.arrayContaining([`kbc.${is}`, "kbc.CCB", "kbc.CONTROLLER_RAM"]));
  });
});
