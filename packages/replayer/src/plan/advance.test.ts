import { loadLibrary } from "@portrait/classifier";
import { expect, test } from "vitest";
import { classifierOf, type Row } from "../../test/support/classifier-of.ts";
import { carryOut } from "../carry-out/carry-out.ts";
import { readSource } from "../carry-out/read-back.ts";
import type { PortTarget } from "../target/port-target.ts";
import { makePlan } from "./make-plan.ts";

const CARD = 0x300;
const [PLACE, SEND, LENGTH, LOOP, COUNT] = [CARD, CARD + 1, CARD + 2, CARD + 3, CARD + 4];
/** What the card adds to each frame, and where nobody takes it. */
const [HEAD, NOWHERE] = [3, 0xf0];

/** A card whose frames, looped back, move COUNT on: by the two buffers in turn, by their length and a head. */
const text = `
id: card
title: A card that counts
source: none, made for tests
ports: { PLACE: 0, SEND0: 1, SEND1: 2, LOOP: 3, COUNT: 4 }
instances: { card: { base: ${CARD} } }
state:
  loop: { bits: 1, reach: [{ do: [{ write: LOOP, put: ON }] }] }
  next:
    bits: 1
    reach:
      - { to: 1, when: { next: 0, loop: 1 }, do: [{ write: SEND0, value: 4 }] }
      - { to: 0, when: { next: 1, loop: 1 }, do: [{ write: SEND1, value: 4 }] }
slots:
  COUNT:
    reset: 0
    rank: 1
    read: COUNT
    why: how far it has counted
    when: { loop: 1, next: 0 }
    advance: { write: [SEND0, SEND1], put: LENGTH, portion: { least: 4, most: 20 }, more: ${HEAD}, meanwhile: { PLACE: ${NOWHERE} } }
  PLACE: { rank: 0, read: PLACE, why: where frames go }
registers:
  PLACE: { at: PLACE, access: RW, fields: { ADDRESS: [7, 0] }, fill: PLACE }
  SEND0: { at: SEND0, access: WO, fields: { LENGTH: [7, 0] }, verdict: transfer, onWrite: [&sent { add: { next: 1 }, lose: { COUNT: frames move it on } }] }
  SEND1: { at: SEND1, access: WO, fields: { LENGTH: [7, 0] }, verdict: transfer, onWrite: [*sent] }
  LOOP: { at: LOOP, access: WO, fields: { ON: 0 }, verdict: command, onWrite: [{ latch: { loop: ON } }, { match: { ON: 0 }, verdict: command }] }
  COUNT: { at: COUNT, access: RO, fields: { COUNT: [7, 0] }, onRead: [{ learn: COUNT }] }
`;
const library = loadLibrary([{ file: "card.yaml", text }], { aliases: false });

/** Such a card, and where its frames went. */
function card(place = 0x55, count = 0) {
  const at = { place, next: 0, loop: 0, count };
  const frames: number[] = [];
  const write = (port: number, value: number) => {
    if (port === PLACE) at.place = value;
    if (port === LOOP) at.loop = value;
    if (port !== SEND && port !== LENGTH) return 0;
    expect([at.loop, port]).toEqual([1, at.next === 0 ? SEND : LENGTH]);
    frames.push(at.place);
    at.next ^= 1;
    at.count = (at.count + value + HEAD) & 0xff;
    return 0;
  };
  const target: PortTarget = {
    name: "card",
    perform: (all) =>
      Promise.resolve(
        all.map((one) => {
          if (one.direction === "out") return write(one.port, one.value);
          return one.port === PLACE ? at.place : at.count;
        }),
      ),
  };
  return { at, frames, target };
}

/** The plan for a guest that has sent frames, made as a migration makes it; the card has counted so far. */
async function planned(count: number, before: readonly Row[] = []) {
  const classifier = classifierOf(library, [...before, ["out", LOOP, 1], ["out", SEND, 9], ["out", LOOP, 0]]);
  await readSource(classifier, card(0x55, count).target);
  return makePlan(classifier);
}

test.each([
  { count: 0, frames: 0 },
  { count: 7, frames: 1 },
  { count: 23, frames: 1 },
  { count: 24, frames: 2 },
  { count: 47, frames: 3 },
])("a counter comes to $count by $frames frames, that go nowhere, and everything else is as it was", async (row) => {
  const { steps, unknown } = await planned(row.count);
  const { at, frames, target } = card();
  await carryOut(steps, target);
  expect(unknown).toEqual([]);
  expect(at).toMatchObject({ place: 0x55, loop: 0 });
  expect(frames.filter((place) => place === NOWHERE)).toHaveLength(row.frames);
  const others = frames.length - row.frames;
  expect(at.count).toBe(row.count + others * (4 + HEAD));
  expect(at.next).toBe(1);
});

test("where no frames lead is not known to the plan", async () => {
  const { unknown } = await planned(6);
  expect(unknown).toEqual([{ device: "card", register: "COUNT", reason: "nothing brings COUNT on to 6" }]);
});

test("what is lent is read at the source even where nobody wrote it, and without a source it is not known", async () => {
  const { steps } = await planned(7);
  const places = steps.flatMap((step) => (step.op === "out" && step.port === PLACE ? [step.value] : []));
  expect(places).toEqual([0x55, NOWHERE, 0x55]);
  const rows: Row[] = [
    ["out", LOOP, 1],
    ["out", SEND, 4],
    ["in", COUNT, 7],
  ];
  expect(makePlan(classifierOf(library, rows)).unknown).toEqual([
    { device: "card", register: "COUNT", reason: "what PLACE gets back is not known" },
  ]);
});

test("a slot is brought back while selectors are as it asks for, whatever they were when the guest wrote it", () => {
  const guarded = text.replace("PLACE: { rank: 0,", "PLACE: { rank: 0, when: { loop: 1 },");
  const cards = loadLibrary([{ file: "card.yaml", text: guarded }], { aliases: false });
  const rows: Row[] = [
    ["out", LOOP, 0],
    ["out", PLACE, 0x55],
  ];
  const { steps } = makePlan(classifierOf(cards, rows));
  expect(steps.flatMap((step) => (step.op === "out" ? [[step.port, step.value]] : []))).toEqual([
    [LOOP, 1],
    [PLACE, 0x55],
    [LOOP, 0],
  ]);
});

test("a selector that only counts is as after reset on a fresh device, and goes on from there", async () => {
  const { steps } = await planned(0);
  const sent = steps.flatMap((step) => (step.op === "out" && [SEND, LENGTH].includes(step.port) ? [step.why] : []));
  expect(sent).toEqual(["leaves next = 1 as the guest had it"]);
});
