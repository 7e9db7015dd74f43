import { describe, expect, test } from "vitest";
import { classify, ins, outs, type Row } from "../support/classify.ts";
import { placed } from "../support/pci.ts";

const ne2000 = (rows: readonly Row[], fromReset = true) => classify(rows, { ids: ["ne2000", "pci"], fromReset });
const STOP = outs(0x300, 0x21);
const START = outs(0x300, 0x22);

describe("a register", () => {
  test.each([
    [0x21, 0x301, "PSTART", "CLDA0"],
    [0x21, 0x30c, "RCR", "RSR"],
    [0x21, 0x30e, "DCR", "CNTR1"],
    [0x61, 0x301, "PAR0", "PAR0"],
    [0x61, 0x307, "CURR", "CURR"],
    [0x61, 0x308, "MAR0", "MAR0"],
    [0xa1, 0x301, "DIAGNOSTIC_1", "PSTART_READ"],
    [0xa1, 0x30d, "DIAGNOSTIC_13", "TCR_READ"],
    [0xe1, 0x301, "RESERVED_3_1", "RESERVED_3_1"],
  ])("is chosen by the page bits: after CR %i, %i is %s written and %s read", (command, port, written, read) => {
    const { registers, rows } = ne2000([...outs(0x300, command), ...outs(port, 0), ...ins(port, 0)]);
    expect(registers.slice(1)).toEqual([`ne2k.${written}`, `ne2k.${read}`]);
    expect(rows[1]?.criteria).toContain("state");
  });

  test("may be one of every page in a trace that begins late, until CR is seen", () => {
    const { registers } = ne2000([...outs(0x301, 0), ...STOP, ...outs(0x301, 0)], false);
    expect(registers[0]).toBe("ne2k.PSTART|ne2k.PAR0|ne2k.DIAGNOSTIC_1|ne2k.RESERVED_3_1");
    expect(registers[2]).toBe("ne2k.PSTART");
  });

  test("of page 0 is kept through changes of the page", () => {
    const seen = ne2000([...STOP, ...outs(0x301, 0x46), ...outs(0x300, 0x61), ...outs(0x301, 0x52), ...START]);
    expect([seen.slot("ne2k", "PSTART"), seen.slot("ne2k", "PAR0")]).toEqual([0x46, 0x52]);
  });
});

describe("the command register", () => {
  test("TXP is never repeated: it transmits", () => {
    expect(ne2000(outs(0x300, 0x26)).slot("ne2k", "CR")).toBe(0x22);
  });

  test.each([0x0a, 0x12, 0x1a])("a remote DMA is never repeated: %i comes back as abort", (command) => {
    expect(ne2000(outs(0x300, command)).slot("ne2k", "CR")).toBe(0x22);
  });
});

test("a data transfer moves the remote address, and is done when the count has run out", () => {
  const setUp: Row[] = [...outs(0x308, 0x00, 0x40), ...outs(0x309, 0x40), ...outs(0x30a, 0x10), ...outs(0x30b, 0x00)];
  const seen = ne2000([...STOP, ...setUp, ["in", 0x310, 0x1234, 16]]);
  expect(["RSAR0", "RSAR1", "RBCR0", "RBCR1"].map((name) => seen.slot("ne2k", name))).toEqual(["none", "none", 0, 0]);
  expect(seen.rows.at(-1)).toMatchObject({ register: "ne2k.DATA", verdict: "transfer" });
});

test("a read of 31Fh resets: stopped, on page 0, interrupts off", () => {
  const seen = ne2000([...outs(0x30f, 0x3f), ...outs(0x300, 0x62), ...ins(0x31f, 0)]);
  expect([seen.slot("ne2k", "IMR"), seen.slot("ne2k", "CR"), seen.selector("ne2k", "page")]).toEqual([0, 0x21, 0]);
  expect(ne2000(outs(0x31f, 0)).rows[0]?.verdict).toBe("command");
});

test("neither the status nor the card's memory is ever written", () => {
  const { registers } = ne2000([]).state("ne2k").instance.device;
  const never = registers.filter((register) => register.never !== undefined).map(({ name }) => name);
  expect(never.filter((name) => !/^(DIAGNOSTIC|RESERVED_3)_/.test(name))).toEqual(["ISR", "DATA"]);
});

test("an RTL8029 has the same registers where its base address 0 is", () => {
  const rows = [
    ...placed(3, 0x802910ec, 0, 0xc100),
    ...outs(0xc100, 0x21),
    ...outs(0xc101, 0x46),
    ...outs(0x300, 0x61),
  ];
  const seen = classify(rows, { ids: ["ne2000", "pci"] });
  expect(seen.registers.slice(-3)).toEqual(["ne2k_pci1.CR", "ne2k_pci1.PSTART", "ne2k.CR"]);
  expect([seen.slot("ne2k_pci1", "PSTART"), seen.slot("ne2k", "PSTART")]).toEqual([0x46, "reset"]);
});
