import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";
import { placed } from "../support/pci.ts";

const BASE = 0xc000;
const firmware = placed(3, 0x813910ec, 0, BASE);
const rtl8139 = (rows: readonly Row[]) => {
  const seen = classify([...firmware, ...rows], { ids: ["rtl8139", "pci"] });
  return { ...seen, rows: seen.rows.slice(firmware.length) };
};
const CR = BASE + 0x37;
const CR9346 = BASE + 0x50;

test("a dword over several registers reaches each of them", () => {
  const seen = rtl8139([
    ["out", BASE, 0x12005452, 32],
    ["out", BASE + 0x3c, 0x0005_e07f, 32],
  ]);
  expect(seen.rows.map(({ register }) => register)).toEqual([
    "rtl8139_1.IDR0+rtl8139_1.IDR1+rtl8139_1.IDR2+rtl8139_1.IDR3",
    "rtl8139_1.IMR+rtl8139_1.ISR",
  ]);
});

describe("EEM in the EEPROM command register", () => {
  test("11 lets the station address and the configuration be written", () => {
    const rows = [...outs(CR9346, 0xc0), ...outs(BASE, 0x52), ...outs(BASE + 0x59, 0x20), ...outs(CR9346, 0x00)];
    const seen = rtl8139(rows);
    expect([seen.slot("rtl8139_1", "IDR0"), seen.slot("rtl8139_1", "CONFIG3")]).toEqual([0x52, 0x20]);
    expect(seen.selector("rtl8139_1", "eem")).toBe(0);
  });

  test("otherwise the configuration is not written, and chips differ in the address", () => {
    const seen = rtl8139([...outs(BASE, 0x52), ...outs(BASE + 0x59, 0x20)]);
    expect(seen.slot("rtl8139_1", "CONFIG3")).toBe("reset");
    expect(seen.slot("rtl8139_1", "IDR0")).toMatch(/^unknown: chips differ/);
  });

  test("01 reads the EEPROM again, and is back at 00 then", () => {
    const seen = rtl8139([...outs(CR, 0x0c), ...outs(CR9346, 0x40)]);
    expect(seen.rows.at(-1)).toMatchObject({ verdict: "command" });
    expect([seen.selector("rtl8139_1", "eem"), seen.selector("rtl8139_1", "on")]).toEqual([0, 0]);
  });
});

describe("the command register", () => {
  test("keeps RE and TE, and no reset", () => {
    expect(rtl8139(outs(CR, 0x1c)).slot("rtl8139_1", "CR")).toBe(0x0c);
  });

  test("RST clears masks and rings, and leaves the filter", () => {
    const rows: Row[] = [...outs(BASE + 8, 0xff), ["out", BASE + 0x3c, 0xe07f, 16], ["out", BASE + 0x30, 0x1000, 32]];
    const seen = rtl8139([...rows, ...outs(CR, 0x10)]);
    expect([seen.slot("rtl8139_1", "IMR"), seen.slot("rtl8139_1", "RBSTART")]).toEqual([0, 0]);
    expect(seen.slot("rtl8139_1", "MAR8")).toBe(0xff);
  });
});

describe("transmit configuration", () => {
  const tcr: Row = ["out", BASE + 0x40, 0xff0707ff, 32];

  test("is taken while the transmitter is on, without the version bits", () => {
    expect(rtl8139([...outs(CR, 0x04), tcr]).slot("rtl8139_1", "TCR")).toBe(0x030707f0);
  });

  test("is not taken while it is off", () => {
    expect(rtl8139([tcr]).slot("rtl8139_1", "TCR")).toBe("reset");
  });
});

describe("transmit descriptors", () => {
  const send = (descriptor: number, size: number): Row => ["out", BASE + 0x10 + 4 * descriptor, size, 32];
  const tsd = (rows: readonly Row[], descriptor: number) => {
    const seen = rtl8139(rows);
    return [seen.slot("rtl8139_1", `TSD${descriptor}`), seen.selector("rtl8139_1", "next")];
  };

  test("take turns: each frame that is handed over leaves its size, and the next one has its turn", () => {
    expect(tsd([...outs(CR, 0x04), send(0, 0x8003c)], 0)).toEqual([0x8003c, 1]);
    const five = [0, 1, 2, 3, 0].map((descriptor, i) => send(descriptor, 60 + i));
    expect(tsd([...outs(CR, 0x04), ...five], 0)).toEqual([64, 1]);
  });

  test("begin at the first again after a reset, and not when the transmitter is switched off", () => {
    const two = [...outs(CR, 0x04), send(0, 60), send(1, 60)];
    expect(tsd([...two, ...outs(CR, 0x10)], 1)).toEqual([expect.stringMatching(/^none/), 0]);
    expect(tsd([...two, ...outs(CR, 0x00)], 1)).toEqual([60, 2]);
  });

  test.each([
    ["out of turn", [...outs(CR, 0x04), send(1, 60)]],
    ["with the transmitter off", [send(1, 60)]],
    ["with OWN", [...outs(CR, 0x04), send(0, 60), send(1, 0x2000)]],
    ["in part", [...outs(CR, 0x04), ["out", BASE + 0x14, 60, 16]]],
    ["with descriptors in memory", [...outs(CR, 0x04), ["out", BASE + 0xe0, 0, 16], send(0, 60), send(1, 60)]],
    ["after that", [...outs(CR, 0x04), send(2, 60), send(0, 60), send(1, 60)]],
  ] satisfies [string, Row[]][])("handed over %s are not known, until a reset", (_, rows) => {
    expect(tsd(rows, 1)[0]).toMatch(/^unknown/);
    expect(tsd([...rows, ...outs(CR, 0x10), ...outs(CR, 0x04), send(0, 60), send(1, 61)], 1)).toEqual([61, 2]);
  });
});

describe("where the next frame goes", () => {
  const rcr: Row = ["out", BASE + 0x44, 0x0000f78f, 32];

  test("is the begin of the buffer once it was configured with the receiver off, and not known once it is on", () => {
    expect(rtl8139([rcr]).slot("rtl8139_1", "CBR")).toBe(0);
    expect(rtl8139([...outs(CR, 0x08)]).slot("rtl8139_1", "CBR")).toMatch(/^unknown: every frame that comes/);
    expect(rtl8139([...outs(CR, 0x08), rcr]).slot("rtl8139_1", "CBR")).toMatch(/^unknown/);
    expect(rtl8139([...outs(CR, 0x08), ...outs(CR, 0x10)]).slot("rtl8139_1", "CBR")).toBe(0);
  });
});

test("a receive configuration empties the buffer: CAPR reads FFF0h", () => {
  const seen = rtl8139([
    ["out", BASE + 0x38, 0x1234, 16],
    ["out", BASE + 0x44, 0x0000f78f, 32],
  ]);
  expect([seen.slot("rtl8139_1", "CAPR"), seen.slot("rtl8139_1", "RCR")]).toEqual([0xfff0, 0xf78f]);
});

test("what acknowledges an interrupt or sends frames from memory is never repeated; a frame in its turn leaves state", () => {
  const seen = rtl8139([
    ...outs(CR, 0x04),
    ["out", BASE + 0x10, 0x003c, 32],
    ["out", BASE + 0x3e, 0xffff, 16],
    ["out", BASE + 0xd9, 0x40],
  ]);
  expect(seen.rows.map(({ verdict }) => verdict)).toEqual(["state", "state", "command", "transfer"]);
});
