import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const sb16 = (rows: readonly Row[]) => classify(rows, { ids: ["sb16"] });
const dsp = (...bytes: readonly number[]): Row[] => outs(0x22c, ...bytes);

describe("a DSP command", () => {
  /** Parameters, by the command summary of Creative's guide. */
  test.each([
    ["direct output", 0x10, 1],
    ["8-bit single-cycle output", 0x14, 2],
    ["8-bit auto-initialised output", 0x1c, 0],
    ["direct input", 0x20, 0],
    ["8-bit single-cycle input", 0x24, 2],
    ["time constant", 0x40, 1],
    ["output sample rate", 0x41, 2],
    ["input sample rate", 0x42, 2],
    ["block size", 0x48, 2],
    ["4-bit ADPCM output", 0x74, 2],
    ["silence", 0x80, 2],
    ["16-bit DMA", 0xb6, 3],
    ["8-bit DMA", 0xc6, 3],
    ["pause 8-bit DMA", 0xd0, 0],
    ["speaker on", 0xd1, 0],
    ["identification", 0xe0, 1],
    ["version", 0xe1, 0],
    ["test register", 0xe4, 1],
    ["8-bit interrupt", 0xf2, 0],
  ])("%s (%i) takes %i parameters, and the byte after them is a command", (_, command, count) => {
    const { registers, rows } = sb16(dsp(command, ...Array<number>(count).fill(0xd1), 0xd3));
    expect(registers.slice(1, -1)).not.toContain("sb16.SPEAKER");
    expect(registers.at(-1)).toBe("sb16.SPEAKER");
    expect(rows.at(-1)?.criteria).toContain("preceding");
  });

  test("sets a rate by time constant or in hertz: the later one holds", () => {
    expect(sb16(dsp(0x40, 0xd3)).slot("sb16", "OUTPUT_RATE")).toBe(0xd3);
    const seen = sb16(dsp(0x40, 0xd3, 0x41, 0xac, 0x44));
    expect(seen.slot("sb16", "OUTPUT_RATE")).toEqual(["OUTPUT_RATE_HIGH=ac", "OUTPUT_RATE_LOW=44"]);
  });

  test("that plays, records or interrupts may never be replayed", () => {
    const { registers } = sb16([]).state("sb16").instance.device;
    const never = registers.filter((register) => register.never !== undefined).map(({ name }) => name);
    expect(never).toEqual(["COMMAND", "COMMAND_1", "COMMAND_2", "COMMAND_3", "PARAMETER"]);
    const { rows } = sb16(dsp(0x14, 0xff, 0x0f, 0x1c, 0xb6, 0x10, 0xff, 0x0f, 0xd0, 0xf2));
    expect(new Set(rows.map(({ verdict }) => verdict))).toEqual(new Set(["command"]));
  });
});

describe("a reset of the DSP", () => {
  test("is 1 and then 0, is repeated, and takes back rate, block size and speaker", () => {
    const seen = sb16([...dsp(0x41, 0xac, 0x44, 0x48, 0xff, 0x0f, 0xd1), ...outs(0x226, 1, 0)]);
    expect(seen.slot("sb16", "RESET")).toEqual(["RESET=01", "RESET=00"]);
    const names = ["OUTPUT_RATE", "BLOCK_SIZE", "SPEAKER"];
    expect(names.map((name) => seen.slot("sb16", name))).toEqual(["none", "none", "none"]);
  });

  test("ends a command half done", () => {
    expect(sb16([...dsp(0xb6, 0x10), ...outs(0x226, 1, 0), ...dsp(0xd1)]).registers.at(-1)).toBe("sb16.SPEAKER");
  });
});

describe("the mixer", () => {
  const mixer = (index: number, value: number): Row[] => [...outs(0x224, index), ...outs(0x225, value)];

  test("keeps each register by its index", () => {
    const seen = sb16([...mixer(0x30, 0xc0), ...mixer(0x31, 0xf8), ...mixer(0x30, 0x80)]);
    expect([seen.slot("sb16", "MIXER", 0x30), seen.slot("sb16", "MIXER", 0x31)]).toEqual([0x80, 0xf8]);
  });

  test("register 00h resets the volumes, not the interrupt line and the DMA channels", () => {
    const seen = sb16([...mixer(0x80, 0x02), ...mixer(0x22, 0xff), ...mixer(0x00, 0xff)]);
    expect([seen.slot("sb16", "MIXER", 0x22), seen.slot("sb16", "CONFIGURATION", 0x80)]).toEqual(["none", 0x02]);
    expect(seen.rows.at(-1)?.verdict).toBe("command");
  });

  test("register 82h shows interrupts, and a write to it leaves nothing", () => {
    expect(sb16(mixer(0x82, 0x07)).rows[1]).toMatchObject({ register: "sb16.INTERRUPT_STATUS", verdict: "command" });
  });
});
