import { describe, expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[], fromReset = true) => classifyAll(rows, { ids: ["i8042"], fromReset });

const command = (value: number): Row[] => outs(0x64, value);
const keyboard = (...values: readonly number[]): Row[] => outs(0x60, ...values);
const mouse = (...values: readonly number[]): Row[] =>
  values.flatMap((value): Row[] => [...command(0xd4), ...outs(0x60, value)]);
const sampleRate = (...rates: readonly number[]): Row[] => rates.flatMap((rate) => mouse(0xf3, rate));

describe("a byte written to port 60h", () => {
  const after = (value: number, byte: number) => classify([...command(value), ...outs(0x60, byte)]);

  test.each([
    [0x60, 0x47, "CCB"],
    [0x65, 0x01, "CONTROLLER_RAM"],
    [0xd1, 0xdf, "OUTPUT_PORT"],
    [0xd2, 0x1c, "KBD_OUTPUT"],
    [0xd3, 0x5a, "AUX_OUTPUT"],
    [0xd4, 0xf4, "AUX_REPORTING"],
    [0xae, 0xf4, "KBD_ENABLE"],
  ])("after command %s goes where the command says", (value, byte, register) => {
    const { rows } = after(value, byte);
    expect(rows[1]?.register).toBe(`kbc.${register}`);
    expect(rows[1]?.criteria).toContain("preceding");
  });

  test("is taken once: the byte after it goes to the keyboard", () => {
    expect(classify([...command(0x60), ...outs(0x60, 0x47, 0xf4)]).registers[2]).toBe("kbc.KBD_ENABLE");
  });

  test("goes to the keyboard when another command came between", () => {
    expect(classify([...command(0x60), ...command(0xae), ...outs(0x60, 0xf4)]).registers[2]).toBe("kbc.KBD_ENABLE");
  });

  test("may be anything in a trace that begins late, until a command is seen", () => {
    const { registers } = classify([...outs(0x60, 0x47), ...command(0x60), ...outs(0x60, 0x47)], false);
    expect(registers[0]?.split("|").length).toBeGreaterThan(5);
    expect(registers[2]).toBe("kbc.CCB");
  });
});

describe("the controller", () => {
  test("an interface is disabled or enabled by the last of command byte and command", () => {
    const before = classify([...command(0xad), ...command(0x60), ...outs(0x60, 0x47)]);
    expect(before.slot("kbc", "KBD_INTERFACE")).toBe("none");
    const since = classify([...command(0x60), ...outs(0x60, 0x47), ...command(0xad), ...command(0xa7)]);
    expect(since.slot("kbc", "KBD_INTERFACE")).toBe(0xad);
    expect(since.slot("kbc", "AUX_INTERFACE")).toBe(0xa7);
    expect(since.slot("kbc", "CCB")).toBe(0x47);
  });

  test("an output port with its reset bit low is never written again", () => {
    const { rows, slot } = classify([...command(0xd1), ...outs(0x60, 0xdf), ...command(0xd1), ...outs(0x60, 0xde)]);
    expect(rows[3]).toMatchObject({ register: "kbc.OUTPUT_PORT_RESET", verdict: "command" });
    expect(slot("kbc", "OUTPUT_PORT")).toBe(0xdf);
  });

  test("pulses of the output lines are commands, and none of them is repeated", () => {
    const pulses = [...Array(15).keys()].map((low) => 0xf0 | low);
    const { rows, state } = classify(outs(0x64, ...pulses));
    expect(new Set(rows.map(({ register, verdict }) => `${register} ${verdict}`))).toEqual(
      new Set(["kbc.PULSE_OUTPUT command"]),
    );
    const { registers } = state("kbc").instance.device;
    expect(registers.filter(({ never }) => never !== undefined).map(({ name }) => name)).toEqual([
      "PULSE_OUTPUT",
      "OUTPUT_PORT_RESET",
    ]);
  });

  test("DDh and DFh switch A20 until the output port is written", () => {
    expect(classify(command(0xdf)).slot("kbc", "A20")).toBe(0xdf);
    expect(classify([...command(0xdf), ...command(0xd1), ...outs(0x60, 0xdd)]).slot("kbc", "A20")).toBe("none");
  });

  test("a self test is a command, and reads of port 60h are transfers", () => {
    const { rows } = classify([...command(0xaa), ...ins(0x64, 0x01), ...ins(0x60, 0x55)]);
    expect(rows.map(({ register, verdict }) => [register, verdict])).toEqual([
      ["kbc.TEST", "command"],
      ["kbc.STATUS", "read"],
      ["kbc.OUTPUT_BUFFER", "transfer"],
    ]);
  });
});

describe("the keyboard", () => {
  test("takes one byte as parameter of EDh, F3h and F0h", () => {
    const { registers, slot } = classify(keyboard(0xed, 0x02, 0xf3, 0x20, 0xf0, 0x01, 0xf4));
    expect(registers.map((name) => name.replace("kbc.KBD_", ""))).toEqual([
      "SET_LEDS",
      "LEDS",
      "SET_RATE",
      "RATE",
      "SET_SCANSET",
      "SCANSET",
      "ENABLE",
    ]);
    expect(["KBD_LEDS", "KBD_RATE", "KBD_SCANSET"].map((name) => slot("kbc", name))).toEqual([0x02, 0x20, 0x01]);
  });

  test("takes a byte with bit 7 as a command even when a parameter is due", () => {
    expect(classify(keyboard(0xed, 0xf4, 0x02)).registers).toEqual([
      "kbc.KBD_SET_LEDS",
      "kbc.KBD_ENABLE",
      "kbc.KBD_UNKNOWN",
    ]);
  });

  test("asked for its scan code set does not change it", () => {
    const { rows, slot } = classify(keyboard(0xf0, 0x01, 0xf0, 0x00));
    expect(rows[3]?.verdict).toBe("command");
    expect(slot("kbc", "KBD_SCANSET")).toBe(0x01);
  });

  test("a parameter of the keyboard waits while the mouse is spoken to", () => {
    expect(classify([...keyboard(0xed), ...mouse(0xf4), ...keyboard(0x02)]).registers[3]).toBe("kbc.KBD_LEDS");
  });

  test("set default and default disable set lights, rate and scan code set to the power-on defaults", () => {
    for (const defaults of [0xf5, 0xf6]) {
      const { slot } = classify(keyboard(0xed, 0x07, 0xf3, 0x00, 0xf0, 0x03, defaults));
      expect(["KBD_LEDS", "KBD_RATE", "KBD_SCANSET"].map((name) => slot("kbc", name))).toEqual([0, 0x2b, 2]);
    }
  });

  test("default disable stops scanning, set default leaves it as it is", () => {
    expect(classify(keyboard(0xf4, 0xf5)).slot("kbc", "KBD_SCANNING")).toBe(0xf5);
    expect(classify(keyboard(0xf5, 0xf6)).slot("kbc", "KBD_SCANNING")).toBe(0xf5);
    expect(classify(keyboard(0xf5, 0xf4, 0xf6)).slot("kbc", "KBD_SCANNING")).toBe(0xf4);
  });

  test("a reset comes back as set default, with scanning enabled", () => {
    const { slot } = classify(keyboard(0xf5, 0xff));
    expect(slot("kbc", "KBD_DEFAULTS")).toBe(0xf6);
    expect(slot("kbc", "KBD_SCANNING")).toBe(0xf4);
  });

  test("types of single keys are unknown, types of all keys are not", () => {
    expect(classify(keyboard(0xf8)).slot("kbc", "KBD_KEYS")).toBe(0xf8);
    const { registers, slot } = classify(keyboard(0xfb, 0x1c, 0x1d, 0xf4));
    expect(registers.slice(1)).toEqual(["kbc.KBD_KEY", "kbc.KBD_KEY", "kbc.KBD_ENABLE"]);
    expect(slot("kbc", "KBD_KEYS")).toMatch(/^unknown/);
  });
});

describe("the mouse", () => {
  test("takes one byte as parameter of E8h and F3h", () => {
    const { registers, slot } = classify(mouse(0xe8, 0x03, 0xf3, 0x50, 0xf4));
    expect(registers.filter((name) => name !== "kbc.WRITE_AUX").map((name) => name.replace("kbc.AUX_", ""))).toEqual([
      "SET_RESOLUTION",
      "RESOLUTION",
      "SET_RATE",
      "RATE",
      "REPORTING",
    ]);
    expect([slot("kbc", "AUX_RESOLUTION"), slot("kbc", "AUX_RATE")]).toEqual([0x03, 80]);
  });

  test("takes a parameter once", () => {
    expect(classify(mouse(0xf3, 0x50, 0x50)).registers[5]).toBe("kbc.AUX_UNKNOWN");
    expect(classify(mouse(0xe8, 0x03, 0x03)).registers[5]).toBe("kbc.AUX_UNKNOWN");
  });

  test("set defaults takes scaling, resolution, rate, mode and reporting, not the protocol", () => {
    const { slot } = classify([...sampleRate(200, 100, 80), ...mouse(0xe7, 0xe8, 0x03, 0xf0, 0xf4, 0xf6)]);
    expect(
      ["AUX_SCALING", "AUX_RESOLUTION", "AUX_RATE", "AUX_MODE", "AUX_REPORTING"].map((name) => slot("kbc", name)),
    ).toEqual([0xe6, 2, 100, 0xea, 0xf5]);
    expect(slot("kbc", "AUX_WHEEL")).toEqual(["AUX_RATE=c8", "AUX_RATE=64", "AUX_RATE=50"]);
  });

  test("a reset takes the protocol too, and comes back as set defaults", () => {
    const { slot } = classify([...sampleRate(200, 100, 80), ...mouse(0xff)]);
    expect(slot("kbc", "AUX_WHEEL")).toBe(0);
    expect(slot("kbc", "AUX_DEFAULTS")).toBe(0xf6);
  });

  test("sample rates 200, 100, 80 switch it to the wheel protocol, 200, 200, 80 to five buttons", () => {
    const { slot } = classify([...sampleRate(200, 100, 80, 200, 200, 80, 60)]);
    expect(slot("kbc", "AUX_WHEEL")).toEqual(["AUX_RATE=c8", "AUX_RATE=64", "AUX_RATE=50", "|AUX_RATE=c8"]);
    expect(slot("kbc", "AUX_EXPLORER")).toEqual(["AUX_RATE=c8", "AUX_RATE=c8", "AUX_RATE=50"]);
    expect(slot("kbc", "AUX_RATE")).toBe(60);
  });

  test("a sequence of sample rates that is broken off switches nothing", () => {
    const broken = classify(sampleRate(200, 60, 100, 80));
    expect(broken.slot("kbc", "AUX_WHEEL")).toEqual(["|AUX_RATE=c8", "|AUX_RATE=3c"]);
    expect(classify(sampleRate(200, 100, 60, 80)).selector("kbc", "knock")).toBe("none");
  });

  test("wrap mode makes the mode unknown until it is set again", () => {
    expect(classify(mouse(0xee)).slot("kbc", "AUX_MODE")).toMatch(/^unknown/);
    expect(classify(mouse(0xee, 0xea)).slot("kbc", "AUX_MODE")).toBe(0xea);
  });

  test("questions are commands", () => {
    const { rows } = classify(mouse(0xf2, 0xe9, 0xeb, 0xfe));
    expect(new Set(rows.map(({ verdict }) => verdict))).toEqual(new Set(["command"]));
  });
});

test("every write to a device has its answer read away", () => {
  const { registers } = classify([]).state("kbc").instance.device;
  const fills = registers.filter(({ name }) => /^(KBD|AUX)_/.test(name)).flatMap(({ onWrite }) => onWrite);
  const silent = fills.filter(({ fill, drain }) => fill.length > 0 && drain === undefined);
  expect(silent).toEqual([]);
  expect(fills.filter(({ drain }) => drain !== undefined).length).toBeGreaterThan(15);
});
