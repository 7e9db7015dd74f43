import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import { describe, expect, test } from "vitest";
import { classifierOf, type Row } from "../../test/support/classifier-of.ts";
import type { PortOperation, PortTarget } from "../target/port-target.ts";
import { busyDevices } from "./busy.ts";
import { readSource } from "./read-back.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });
const CARD = 0x300;

const classify = (rows: readonly Row[]) => classifierOf(library, rows);

/** A machine whose ports read as given, else as `other`, and what was done to it. */
function machine(reads: Readonly<Record<number, number>>, other = 0): PortTarget & { readonly done: PortOperation[] } {
  const done: PortOperation[] = [];
  return {
    name: "machine",
    done,
    perform: (operations) => {
      done.push(...operations);
      return Promise.resolve(operations.map(({ port }) => reads[port] ?? other));
    },
  };
}

const PSTART = CARD + 1;
const PSTOP = CARD + 2;
const BNRY = CARD + 3;
const ISR = CARD + 7;
const IMR = CARD + 15;
const [FIRST, END] = [0x46, 0x80];

/** A card with its receive ring and all interrupts but that for a received frame masked, started with page 1 selected. */
const started: Row[] = [
  ["out", PSTART, FIRST],
  ["out", PSTOP, END],
  ["out", IMR, 0x01],
  ["out", CARD, 0x22],
  ["out", CARD, 0x62],
];

/** Such a card, and what was done to it. CURR is where ISR is on page 0. */
function card({ isr = 0x80, curr = FIRST, bnry = END - 1 }): PortTarget & { readonly done: PortOperation[] } {
  const done: PortOperation[] = [];
  let command = 0x62;
  const read = (port: number) => {
    const [page0, page1] = { [BNRY]: [bnry, 0], [ISR]: [isr, curr] }[port] ?? [command, command];
    return (command >> 6 === 0 ? page0 : page1) ?? 0;
  };
  return {
    name: "card",
    done,
    perform: (operations) => {
      done.push(...operations);
      return Promise.resolve(
        operations.map((one) => {
          if (one.direction === "in") return read(one.port);
          if (one.port === CARD) command = one.value;
          return 0;
        }),
      );
    },
  };
}

describe("devices that are busy", () => {
  test("are told with what they are busy with, and their selectors are left as they were", async () => {
    const target = card({ isr: 0x01 });
    expect(await busyDevices(classify(started), target, "guest")).toEqual([
      { device: "ne2k", why: "an event waits to be served" },
    ]);
    const writes = target.done.filter(({ direction }) => direction === "out");
    expect(writes.at(-1)).toEqual({ direction: "out", port: CARD, width: 8, value: 0x62 });
  });

  test.each([
    { what: "nothing is under way", isr: 0x80 },
    { what: "nobody waits for the event", isr: 0x7e },
    { what: "everything that came was taken", curr: 0x51, bnry: 0x50 },
  ])("are none where $what", async (registers) => {
    expect(await busyDevices(classify(started), card(registers), "guest")).toEqual([]);
  });

  test("keep for the guest what it has not taken, of which a plan knows nothing", async () => {
    const target = card({ curr: 0x53, bnry: 0x50 });
    expect(await busyDevices(classify(started), target, "guest")).toEqual([
      { device: "ne2k", why: "a frame in the card's memory waits to be taken" },
    ]);
    expect(await busyDevices(classify(started), target, "plan")).toEqual([]);
    expect(await busyDevices(classify([...started, ["out", CARD, 0x61]]), target, "guest")).toEqual([]);
  });

  test("are none that the guest has not used", async () => {
    const target = machine({}, 0xff);
    expect(await busyDevices(classify([["out", 0x21, 0xfe]]), target, "guest")).toEqual([]);
    expect(target.done).toEqual([]);
  });

  test("are none that are not there, although their ports read as ones", async () => {
    expect(await busyDevices(classify(started), machine({}, 0xff), "guest")).toEqual([]);
  });
});

/** An RTL8029 that the guest found and used at C000h, and whose ports it switched off again. */
const switchedOff: Row[] = [
  ["out", 0xcf8, 0x80001800, 32],
  ["in", 0xcfc, 0x802910ec, 32],
  ["out", 0xcf8, 0x80001810, 32],
  ["out", 0xcfc, 0xc001, 32],
  ["out", 0xcf8, 0x80001804, 32],
  ["out", 0xcfc, 1, 16],
  ["out", 0xc000, 0x22],
  ["out", 0xcfc, 0, 16],
];

test("a device whose ports are nowhere is neither looked at nor read back", async () => {
  const classifier = classify(switchedOff);
  const target = machine({}, 0x01);
  expect(await busyDevices(classifier, target, "guest")).toEqual([]);
  await readSource(classifier, target);
  expect(target.done.filter(({ port }) => port >= 0xc000)).toEqual([]);
});

test("a device is busy while a register has one of the values", async () => {
  const text = `
id: card
title: Card with a counter
source: made for tests
ports: { COUNT: 0 }
instances: { card: { base: ${CARD} } }
registers: { COUNT: { at: COUNT, access: RW, fields: { COUNT: [7, 0] }, fill: COUNT } }
quiet: [{ read: COUNT, values: [3..5, 9], why: it counts }]
`;
  const classifier = classifierOf(loadLibrary([{ file: "card.yaml", text }], { aliases: false }), [["out", CARD, 1]]);
  const values = [2, 3, 5, 6, 8, 9, 10];
  const busy = await Promise.all(values.map((value) => busyDevices(classifier, machine({ [CARD]: value }), "guest")));
  expect(values.filter((_, i) => busy[i]?.[0]?.why === "it counts")).toEqual([3, 5, 9]);
});

/** A card with an index, and a mode that a write to WIDEN enters and nothing leaves. */
const twoModes = `
id: card
title: Card with two modes
source: made for tests
ports: { INDEX: 0, DATA: 1, WIDEN: 2 }
instances: { card: { base: ${CARD} } }
state:
  index: { bits: 1, reach: [{ do: [{ write: INDEX, put: I }] }] }
  mode: { values: [narrow, wide], reach: [{ to: wide, do: [{ write: WIDEN }] }] }
registers:
  INDEX: { at: INDEX, access: WO, fields: { I: 0 }, verdict: command, onWrite: [{ latch: { index: I } }] }
  STATUS: { at: DATA, access: RO, when: { index: 0, mode: narrow }, fields: { EVENT: 0 } }
  STATUS_WIDE: { at: DATA, access: RO, when: { index: 0, mode: wide }, fields: { EVENT: 0 } }
  OTHER: { at: DATA, access: RO, when: { index: 1 }, fields: { DATA: [7, 0] } }
  RESERVED: { at: DATA, access: WO, fields: { DATA: [7, 0] }, verdict: command }
  WIDEN: { at: WIDEN, access: WO, verdict: command, onWrite: [{ set: { mode: wide } }] }
quiet:
  - { read: STATUS, mask: 0x01, why: an event waits }
  - { read: STATUS_WIDE, mask: 0x01, why: an event waits }
`;

test("a device is not looked at by a way that does not lead back", async () => {
  const cards = loadLibrary([{ file: "card.yaml", text: twoModes }], { aliases: false });
  const target = machine({}, 0x01);
  expect(await busyDevices(classifierOf(cards, [["out", CARD, 1]]), target, "guest")).toEqual([
    { device: "card", why: "an event waits" },
  ]);
  expect(target.done).toEqual([
    { direction: "out", port: CARD, width: 8, value: 0 },
    { direction: "in", port: CARD + 1, width: 8 },
    { direction: "out", port: CARD, width: 8, value: 1 },
  ]);
});

/** A card that takes a command and its parameter, and shows what it does with it while it waits for none. */
const commanded = `
id: card
title: Card with commands
source: made for tests
ports: { COMMAND: 0, STATUS: 1 }
instances: { card: { base: ${CARD} } }
preceding: { expect: { values: [command, parameter] } }
registers:
  COMMAND: { at: COMMAND, access: WO, when: { expect: command }, verdict: command, onWrite: [{ set: { expect: parameter } }] }
  PARAMETER: { at: COMMAND, access: WO, when: { expect: parameter }, verdict: command, onWrite: [{ set: { expect: command } }] }
  STATUS: { at: STATUS, access: RO, fields: { BUSY: 0 } }
quiet:
  - { when: { expect: parameter }, why: a command waits for its parameter }
  - { read: STATUS, mask: 0x01, when: { expect: command }, why: a command is carried out }
`;

test("a device is busy as its selectors say, and looked at where they say that it can be seen", async () => {
  const cards = loadLibrary([{ file: "card.yaml", text: commanded }], { aliases: false });
  const seen = async (rows: readonly Row[], status: number) => {
    const target = machine({ [CARD + 1]: status });
    const busy = await busyDevices(classifierOf(cards, rows), target, "plan");
    return [busy.map(({ why }) => why), target.done.length];
  };
  expect(await seen([["out", CARD, 1]], 1)).toEqual([["a command waits for its parameter"], 0]);
  const whole: Row[] = [
    ["out", CARD, 1],
    ["out", CARD, 2],
  ];
  expect(await seen(whole, 1)).toEqual([["a command is carried out"], 1]);
  expect(await seen(whole, 0)).toEqual([[], 1]);
});
