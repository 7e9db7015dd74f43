import { describe, expect, test } from "vitest";
import { classify, type Row } from "../support/classify.ts";
import { placed } from "../support/pci.ts";

const BASE = 0xc000;
const [RDP, RAP, RESET, BDP] = [BASE + 0x10, BASE + 0x12, BASE + 0x14, BASE + 0x16];
const [RAP_32, RESET_32, BDP_32] = [BASE + 0x14, BASE + 0x18, BASE + 0x1c];
const firmware = placed(3, 0x20001022, 0, BASE);

const pcnet = (rows: readonly Row[]) => {
  const seen = classify([...firmware, ...rows], { ids: ["pcnet", "pci"] });
  return { ...seen, rows: seen.rows.slice(firmware.length), registers: seen.registers.slice(firmware.length) };
};
const csr = (register: number, value: number): Row[] => [
  ["out", RAP, register, 16],
  ["out", RDP, value, 16],
];
const bcr = (register: number, value: number): Row[] => [
  ["out", RAP, register, 16],
  ["out", BDP, value, 16],
];
const INIT = 0x0001;
const STRT = 0x0002;
const STOP = 0x0004;
const IENA = 0x0040;

describe("the two I/O modes", () => {
  test("word mode: RDP 10h, RAP 12h, RESET 14h, BDP 16h", () => {
    const rows: Row[] = [...csr(3, 0x0f00), ...bcr(18, 0x9001), ["in", RESET, 0, 16]];
    expect(pcnet(rows).registers).toEqual([
      "pcnet1.RAP_16",
      "pcnet1.CSR3_16",
      "pcnet1.RAP_16",
      "pcnet1.BCR18_16",
      "pcnet1.RESET_16",
    ]);
  });

  test("a doubleword written to RDP changes to doubleword mode: RDP 10h, RAP 14h, RESET 18h, BDP 1Ch", () => {
    const seen = pcnet([
      ["out", RDP, 0, 32],
      ["out", RAP_32, 3, 32],
      ["out", RDP, 0x0f00, 32],
      ["out", BDP_32, 0, 32],
      ["in", RESET_32, 0, 32],
      ["out", RAP, 4, 16],
    ]);
    expect(seen.registers).toEqual([
      "pcnet1.WIDEN",
      "pcnet1.RAP_32",
      "pcnet1.CSR3_32",
      "pcnet1.BCR_OTHER_32",
      "pcnet1.RESET_32",
      "pcnet1.NO_RAP_16",
    ]);
    expect(seen.slot("pcnet1", "CSR3")).toBe(0);
    expect(seen.selector("pcnet1", "mode")).toBe("w32");
  });
});

describe("CSR0", () => {
  const run = (...values: number[]) => pcnet(values.flatMap((value) => csr(0, value)));

  test("INIT, STRT and STOP bring the card from one state to the next", () => {
    expect(run().selector("pcnet1", "run")).toBe(4);
    expect(run(INIT).selector("pcnet1", "run")).toBe(1);
    expect(run(INIT, STRT).selector("pcnet1", "run")).toBe(2);
    expect(run(INIT | STRT).selector("pcnet1", "run")).toBe(2);
    expect(run(INIT, STRT, STOP).selector("pcnet1", "run")).toBe(4);
  });

  test("STOP overrides INIT and STRT", () => {
    expect(run(INIT, STRT, INIT | STRT | STOP).selector("pcnet1", "run")).toBe(4);
  });

  test("keeps IENA and no demand to send, and clears the events that a repeated INIT makes", () => {
    expect(run(0x0048).slot("pcnet1", "CSR0")).toBe(0x7f00 | IENA);
  });

  test("STOP clears IENA", () => {
    expect(run(STRT | IENA, STOP).slot("pcnet1", "CSR0")).toBe(0x7f00);
  });

  test("INIT loads registers from memory, which only reading tells", () => {
    const seen = pcnet([...csr(15, 0x0180), ...csr(0, INIT)]);
    expect(seen.slot("pcnet1", "LOADED", 15)).toMatch(/^unknown: the card has loaded it/);
    expect(seen.slot("pcnet1", "INIT")).toBe(1);
  });

  test("STRT lets the card go on in its rings by itself", () => {
    const seen = pcnet([...csr(0, INIT), ...csr(0, STOP), ...csr(24, 0x1234), ...csr(0, STRT)]);
    expect(seen.slot("pcnet1", "RING", 24)).toMatch(/^unknown: the card goes on/);
  });
});

test("a software reset leaves where the card was in its rings", () => {
  const seen = pcnet([...csr(18, 0x1234), ...csr(72, 5), ["in", RESET, 0, 16]]);
  expect([seen.slot("pcnet1", "RING", 18), seen.slot("pcnet1", "RING_COUNT", 72)]).toEqual([0x1234, "none"]);
});

test("four bytes of the Address PROM supersede each of them", () => {
  const widen: Row[] = [["out", BASE + 0x10, 0, 32]];
  const seen = pcnet([...bcr(2, 0x0100), ["out", BASE + 0x0f, 0x80], ...widen, ["out", BASE + 0x0c, 0, 32]]);
  expect([seen.slot("pcnet1", "APROM_15"), seen.slot("pcnet1", "APROM32_12")]).toEqual(["none", 0]);
});

describe("registers that only a stopped card takes", () => {
  test("are written in STOP", () => {
    expect(pcnet(csr(15, 0x8000)).slot("pcnet1", "LOADED", 15)).toBe(0x8000);
    expect(pcnet(csr(58, 2)).slot("pcnet1", "BCR20")).toBe(2);
  });

  test("are not known when the card runs", () => {
    const seen = pcnet([...csr(58, 2), ...csr(0, STRT), ...csr(15, 0x8000), ...csr(58, 3)]);
    expect(seen.slot("pcnet1", "LOADED", 15)).toMatch(/^unknown: only a card that is stopped/);
    expect(seen.slot("pcnet1", "BCR20")).toMatch(/^unknown/);
  });

  test("CSR16 and CSR17 are CSR1 and CSR2", () => {
    const seen = pcnet([...csr(16, 0x1111), ...csr(17, 0x2222)]);
    expect([seen.slot("pcnet1", "CSR1"), seen.slot("pcnet1", "CSR2")]).toEqual([0x1111, 0x2222]);
  });

  test("another block address leaves open from where the card was initialised", () => {
    expect(pcnet([...csr(0, INIT), ...csr(0, STOP), ...csr(1, 8)]).slot("pcnet1", "INIT")).toMatch(/^unknown/);
    expect(pcnet(csr(1, 8)).slot("pcnet1", "INIT")).toBe("reset");
  });
});

describe("events", () => {
  test("of CSR4 and CSR5 are never written as 1", () => {
    expect(pcnet(csr(4, 0xffff)).slot("pcnet1", "CSR4")).toBe(0xfd15);
    expect(pcnet(csr(5, 0xffff)).slot("pcnet1", "CSR5")).toBe(0xf56f);
  });
});

test("a read of RESET resets the card, and BCRs stay", () => {
  const seen = pcnet([...bcr(9, 1), ...csr(0, STRT | IENA), ...csr(3, 0x5f00), ["in", RESET, 0, 16]]);
  expect([seen.selector("pcnet1", "run"), seen.selector("pcnet1", "rap")]).toEqual([4, 0]);
  expect([seen.slot("pcnet1", "CSR0"), seen.slot("pcnet1", "CSR3")]).toEqual([0x7f00, 0]);
  expect(seen.slot("pcnet1", "BCR", 9)).toBe(1);
});

test("four cards are told apart", () => {
  const rows = [1, 2, 3, 4].flatMap((card) => placed(2 + card, 0x20001022, 0, 0xc000 + card * 0x20));
  const seen = classify([...rows, ["out", 0xc092, 3, 16]], { ids: ["pcnet", "pci"] });
  expect(seen.registers.at(-1)).toBe("pcnet4.RAP_16");
});
