import { describe, expect, test } from "vitest";
import { classify, outs, type Row } from "../support/classify.ts";

const ADDRESS = 0x279;
const WRITE_DATA = 0xa79;
/** The 32 bytes of the initiation key (Plug and Play ISA Specification, Appendix B). */
const KEY = [
  0x6a, 0xb5, 0xda, 0xed, 0xf6, 0xfb, 0x7d, 0xbe, 0xdf, 0x6f, 0x37, 0x1b, 0x0d, 0x86, 0xc3, 0x61, 0xb0, 0x58, 0x2c,
  0x16, 0x8b, 0x45, 0xa2, 0xd1, 0xe8, 0x74, 0x3a, 0x9d, 0xce, 0xe7, 0x73, 0x39,
];
const key = outs(ADDRESS, 0, 0, ...KEY);
const put = (index: number, value: number): Row[] => [...outs(ADDRESS, index), ...outs(WRITE_DATA, value)];
const pnp = (rows: readonly Row[]) => classify(rows, { ids: ["isapnp"] });
const card = (rows: readonly Row[]) => pnp(rows).selector("isapnp", "card");

describe("states of the cards", () => {
  test("the 32nd byte of the key takes them from Wait for Key to Sleep", () => {
    expect(card(key.slice(0, -1))).toBe("wait_for_key");
    expect(card(key)).toBe("sleep");
  });

  test("two zeros begin the key again", () => {
    expect(card([...key.slice(0, 20), ...key.slice(0, -1)])).toBe("wait_for_key");
    expect(card([...key.slice(0, 20), ...key])).toBe("sleep");
  });

  test("Wake[0] begins isolation, Wake[n] configuration", () => {
    expect(card([...key, ...put(0x03, 0)])).toBe("isolation");
    expect(card([...key, ...put(0x03, 2)])).toBe("config");
  });

  test("a card that gets its number is in configuration", () => {
    const seen = pnp([...key, ...put(0x03, 0), ...put(0x06, 1)]);
    expect([seen.selector("isapnp", "card"), seen.selector("isapnp", "csn")]).toEqual(["config", 1]);
  });

  test("Configuration Control bit 1 goes back to Wait for Key", () => {
    expect(card([...key, ...put(0x02, 0x02)])).toBe("wait_for_key");
  });
});

test("the same byte to the address port is key or index", () => {
  expect(pnp([...outs(ADDRESS, 0x6a), ...key, ...outs(ADDRESS, 0x6a)]).registers.at(-1)).toBe("isapnp.ADDRESS");
  expect(pnp(outs(ADDRESS, 0x6a)).registers).toEqual(["isapnp.INITIATION_KEY"]);
});

test("resources are kept by card, logical device and register, and never replayed", () => {
  const seen = pnp([...key, ...put(0x03, 1), ...put(0x07, 2), ...put(0x60, 0x02), ...put(0x61, 0x20)]);
  expect(seen.registers.at(-1)).toBe("isapnp.LOGICAL");
  const at = (index: number) => (1 * 256 + 2) * 256 + index;
  expect([seen.slot("isapnp", "LOGICAL", at(0x60)), seen.slot("isapnp", "LOGICAL", at(0x61))]).toEqual([0x02, 0x20]);
  const slots = seen.state("isapnp").instance.device.slots;
  expect(slots.map(({ never }) => never === undefined)).toEqual([false, false]);
});

test("279h is written to the cards and read from the parallel port's status", () => {
  const rows: Row[] = [
    ["out", ADDRESS, 0x00],
    ["in", ADDRESS, 0x7f],
  ];
  expect(classify(rows, { ids: ["isapnp", "parallel"] }).registers).toEqual(["isapnp.INITIATION_KEY", "lpt2.STATUS"]);
});
