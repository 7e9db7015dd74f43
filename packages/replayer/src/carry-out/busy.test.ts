import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { BatchBuilder, opOf, type Width } from "@portrait/tracer";
import { describe, expect, test } from "vitest";
import type { PortOperation, PortTarget } from "../target/port-target.ts";
import { busyDevices } from "./busy.ts";
import { readSource } from "./read-back.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });
const CARD = 0x300;
const ISR = CARD + 7;

type Row = readonly ["in" | "out", port: number, value: number, width?: Width];

function classify(rows: readonly Row[], devices = library): Classifier {
  const classifier = new Classifier(devices, { fromReset: true });
  const builder = new BatchBuilder((batch) => classifier.feed(batch));
  for (const [direction, port, value, width] of rows) builder.push(0, port, opOf(direction, width ?? 8), value);
  builder.flush();
  return classifier;
}

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

/** A started card with page 1 selected, and all interrupts but that for a received frame masked. */
const started: Row[] = [
  ["out", CARD, 0x22],
  ["out", CARD + 15, 0x01],
  ["out", CARD, 0x62],
];

describe("devices that are busy", () => {
  test("are told with what they are busy with, and their selectors are left as they were", async () => {
    const target = machine({ [CARD]: 0x22, [ISR]: 0x01 });
    expect(await busyDevices(classify(started), target)).toEqual([
      { device: "ne2k", why: "an event waits to be served" },
    ]);
    expect(target.done.filter(({ direction }) => direction === "out")).toEqual([
      { direction: "out", port: CARD, width: 8, value: 0x22 },
      { direction: "out", port: CARD, width: 8, value: 0x62 },
    ]);
  });

  test("are none where nothing is under way", async () => {
    expect(await busyDevices(classify(started), machine({ [CARD]: 0x22, [ISR]: 0x80 }))).toEqual([]);
  });

  test("are none where nobody waits for the event", async () => {
    expect(await busyDevices(classify(started), machine({ [CARD]: 0x22, [ISR]: 0x7e }))).toEqual([]);
  });

  test("are none that the guest has not used", async () => {
    const target = machine({}, 0xff);
    expect(await busyDevices(classify([["out", 0x21, 0xfe]]), target)).toEqual([]);
    expect(target.done).toEqual([]);
  });

  test("are none that are not there, although their ports read as ones", async () => {
    expect(await busyDevices(classify(started), machine({}, 0xff))).toEqual([]);
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
  expect(await busyDevices(classifier, target)).toEqual([]);
  await readSource(classifier, target);
  expect(target.done.filter(({ port }) => port >= 0xc000)).toEqual([]);
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
  expect(await busyDevices(classify([["out", CARD, 1]], cards), target)).toEqual([
    { device: "card", why: "an event waits" },
  ]);
  expect(target.done).toEqual([
    { direction: "out", port: CARD, width: 8, value: 0 },
    { direction: "in", port: CARD + 1, width: 8 },
    { direction: "out", port: CARD, width: 8, value: 1 },
  ]);
});
