import { builtinDescriptions, Classifier, heldValue, loadLibrary, type Instance } from "@portrait/classifier";
import { BatchBuilder, opOf } from "@portrait/tracer";
import { expect, test } from "vitest";
import type { PlanStep } from "./plan.ts";
import { resetSteps } from "./reset-steps.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });

function instance(name: string): Instance {
  const found = library.instances.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no instance ${name}`);
  return found;
}

const writes = (steps: readonly PlanStep[]) =>
  steps.flatMap((step) => (step.op === "out" ? [[step.port, step.value]] : []));

test("an interrupt that was enabled is off again, and DLAB stands at its reset value", () => {
  expect(writes(resetSteps([instance("com1")]))).toEqual([
    [0x3fa, 0x00],
    [0x3fc, 0x00],
    [0x3fb, 0x00],
    [0x3f9, 0x00],
    [0x3fb, 0x00],
  ]);
});

test("what power-on leaves undefined is not written", () => {
  const registers = resetSteps([instance("pit"), instance("pic1")]).map(({ register }) => register);
  expect(registers).not.toContain("ICW1");
  expect(registers).not.toContain("CONTROL0");
});

test("devices come in the order of a plan", () => {
  const devices = resetSteps(["pic1", "com1", "dma1"].map(instance)).map(({ device }) => device);
  expect([...new Set(devices)]).toEqual(["dma1", "com1", "pic1"]);
});

/** The others stand nowhere before a plan gives them their ports. */
const fixed = library.instances.filter(({ place }) => place.kind === "fixed");

test.each(fixed)("$name: every slot that one write can set holds its reset value", (one) => {
  const classifier = new Classifier(library, { fromReset: true });
  const state = classifier.states[library.instances.indexOf(one)];
  state?.slots.loseAll("used by others");
  const builder = new BatchBuilder((batch) => classifier.feed(batch));
  for (const step of resetSteps([one])) {
    if (step.op === "drain") builder.push(0, step.status, opOf("in", 8), 0);
    else builder.push(0, step.port, opOf(step.op, step.width), step.op === "out" ? step.value : 0);
  }
  builder.flush();
  const rules = one.device.registers.flatMap(({ onWrite }) => onWrite);
  for (const slot of one.device.slots) {
    const settable = rules.some(({ fill, part }) => part === "whole" && fill.includes(slot));
    if (slot.reset === undefined || slot.key.length > 0 || slot.never !== undefined || !settable) continue;
    expect([slot.name, state && heldValue(state.slots.content(slot, 0))]).toEqual([slot.name, slot.reset]);
  }
});
