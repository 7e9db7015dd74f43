import { describe, expect, test } from "vitest";
import { classify as classifyAll, ins, outs, type Row } from "../support/classify.ts";

const classify = (rows: readonly Row[], fromReset = true) => classifyAll(rows, { ids: ["i8237"], fromReset });

describe("the first/last flip-flop", () => {
  test("alternates low and high byte over all address and count registers", () => {
    const { registers, slot } = classify([...outs(0x04, 0x00, 0x7c), ...outs(0x05, 0xff), ...outs(0x03, 0x01)]);
    expect(registers).toEqual(["dma1.ADDRESS2_LOW", "dma1.ADDRESS2_HIGH", "dma1.COUNT2_LOW", "dma1.COUNT1_HIGH"]);
    expect(slot("dma1", "ADDRESS2_HIGH")).toBe(0x7c);
    expect(slot("dma1", "COUNT1_HIGH")).toBe(0x01);
  });

  test("is moved by reads too", () => {
    expect(classify([...ins(0x04, 0), ...outs(0x04, 1)]).registers).toEqual([
      "dma1.ADDRESS2_LOW",
      "dma1.ADDRESS2_HIGH",
    ]);
  });

  test("is cleared by its command and by master clear, whatever is written", () => {
    for (const clear of [0x0c, 0x0d]) {
      const { registers } = classify([...outs(0x00, 1), ...outs(clear, 0x55), ...outs(0x00, 2)]);
      expect(registers[2]).toBe("dma1.ADDRESS0_LOW");
    }
  });

  test("of one controller is not the other's", () => {
    expect(classify([...outs(0x00, 1), ...outs(0xc0, 2)]).registers[1]).toBe("dma2.ADDRESS0_LOW");
  });

  test("is not known in a trace that begins late, until it is cleared", () => {
    const { registers } = classify([...outs(0x00, 1), ...outs(0x0c, 0), ...outs(0x00, 2)], false);
    expect(registers).toEqual(["dma1.ADDRESS0_LOW|dma1.ADDRESS0_HIGH", "dma1.CLEAR_FLIP_FLOP", "dma1.ADDRESS0_LOW"]);
  });
});

describe("the second controller", () => {
  test("has its registers at every other port", () => {
    const rows = [0xc4, 0xd0, 0xd4, 0xd6, 0xd8, 0xda, 0xdc, 0xde].flatMap((port) => outs(port, 0));
    expect(classify(rows).registers).toEqual(
      [
        "ADDRESS1_LOW",
        "COMMAND",
        "SINGLE_MASK",
        "MODE",
        "CLEAR_FLIP_FLOP",
        "MASTER_CLEAR",
        "CLEAR_MASK",
        "ALL_MASK",
      ].map((name) => `dma2.${name}`),
    );
  });
});

describe("mode and mask", () => {
  test("mode is kept for each channel by D1-D0", () => {
    const { slot } = classify(outs(0x0b, 0x45, 0x58, 0x46, 0x5a));
    expect(slot("dma1", "MODE0")).toBe(0x58);
    expect(slot("dma1", "MODE2")).toBe(0x5a);
    expect(slot("dma1", "MODE1")).toBe(0x45);
  });

  test("a single mask supersedes its channel of all masks, and the other way round", () => {
    const single = classify([...outs(0x0f, 0x0f), ...outs(0x0a, 0x02)]);
    expect(single.slot("dma1", "MASK2")).toBe(0x02);
    expect(single.slot("dma1", "MASK1")).toBe(0x0f);
    expect(classify([...outs(0x0a, 0x02), ...outs(0x0f, 0x0f)]).slot("dma1", "MASK2")).toBe(0x0f);
  });

  test("clear mask sets what all four hold, whatever is written", () => {
    const { slot, rows } = classify([...outs(0x0f, 0x0f), ...outs(0x0e, 0xff)]);
    expect([0, 1, 2, 3].map((c) => slot("dma1", `MASK${c}`))).toEqual([0, 0, 0, 0]);
    expect(rows[1]?.verdict).toBe("state");
  });

  test("master clear takes command and masks, not modes and addresses", () => {
    const rows = [
      ...outs(0x00, 0x34, 0x12),
      ...outs(0x0b, 0x58),
      ...outs(0x08, 0x10),
      ...outs(0x0f, 0),
      ...outs(0x0d, 0),
    ];
    const { slot, state } = classify(rows);
    expect(slot("dma1", "COMMAND")).toBe(0);
    expect(slot("dma1", "MODE0")).toBe(0x58);
    expect(slot("dma1", "ADDRESS0_HIGH")).toBe(0x12);
    const mask = state("dma1").instance.device.slots.find(({ name }) => name === "MASK3");
    expect(mask && state("dma1").slots.content(mask, 0)).toMatchObject({
      closed: [{ register: { name: "MASTER_CLEAR" } }],
    });
  });
});

test("port 8 is the command register when written, status when read", () => {
  const { registers, rows } = classify([...outs(0x08, 0x04), ...ins(0x08, 0)]);
  expect(registers).toEqual(["dma1.COMMAND", "dma1.STATUS"]);
  expect(rows[0]?.criteria).toEqual(["port", "direction"]);
});

test("a request is a command that no plan repeats", () => {
  const { rows, state } = classify(outs(0x09, 0x04));
  expect(rows[0]?.verdict).toBe("command");
  const request = state("dma1").instance.device.registers.find(({ name }) => name === "REQUEST");
  expect(request?.never).toBe("it starts a transfer");
});
