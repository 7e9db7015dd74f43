import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import { describe, expect, test } from "vitest";
import { classifierOf, type Row } from "../../test/support/classifier-of.ts";
import { carryOut } from "../carry-out/carry-out.ts";
import type { PortOperation, PortTarget } from "../target/port-target.ts";
import { ScriptTarget } from "../target/script-target.ts";
import { makePlan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";

const card = `
id: card
title: A card for tests
source: none, made for tests
ports: { VALUE: 0 }
instances:
  card:
    bound:
      to: pci
      shows: [{ at: 0x00, is: 0x56781234 }, { at: 0x08, mask: 0xffff0000, is: 0x02000000 }]
      base: { at: 0x10, mask: 0xfffffffc }
      enabled: { at: 0x04, mask: 0x01 }
slots: { VALUE: { why: what the test wrote } }
registers: { VALUE: { at: VALUE, access: RW, fill: VALUE } }
`;
const library = loadLibrary([...builtinDescriptions(), { file: "card.yaml", text: card }], { aliases: false });

const classify = (rows: readonly Row[], fromReset = true) => classifierOf(library, rows, fromReset);

const select = (register: number): Row => ["out", 0xcf8, 0x80001800 + register, 32];
const identify: Row[] = [select(0), ["in", 0xcfc, 0x56781234, 32], select(8), ["in", 0xcfc, 0x02000001, 32]];
const bar = (base: number): Row[] => [select(0x10), ["out", 0xcfc, base, 32]];
const command = (value: number): Row[] => [select(4), ["out", 0xcfc, value, 16]];
const moved: Row[] = [...identify, ...bar(0xc001), ...command(7), ["out", 0xc000, 0x55], ...bar(0xd001)];

/** `out d000 55`, as the plan says it. */
const lines = ({ steps }: Plan) =>
  steps.map((step) =>
    step.op === "out"
      ? `out ${step.port.toString(16)} ${step.value.toString(16)}`
      : `in ${step.port.toString(16)} ${step.op === "in" ? step.expect?.value.toString(16) : ""}`,
  );

describe("a plan for a device whose ports move", () => {
  test("looks who is there, gives it its ports, lets it decode, leaves CONFADD, and then writes it where it stands", () => {
    expect(lines(makePlan(classify([...moved, select(0x3c)])))).toEqual([
      "out cf8 80001800",
      "in cfc 56781234",
      "out cf8 80001808",
      "in cfc 2000000",
      "out cf8 80001810",
      "out cfc d001",
      "out cf8 80001804",
      "out cfc 7",
      "out cf8 8000183c",
      "out d000 55",
    ]);
  });

  test("gives a fresh machine the knowledge it was made from, and its guest's next plan the same", () => {
    const plan = makePlan(classify(moved));
    const answers = plan.steps.map((step): Row => {
      if (step.op === "out") return ["out", step.port, step.value, step.width];
      return ["in", step.port, step.op === "in" ? (step.expect?.value ?? 0) : 0, 32];
    });
    expect(lines(makePlan(classify(answers)))).toEqual(lines(plan));
  });

  test("lists its registers as unknown while it has no ports", () => {
    for (const [rows, why] of [
      [[...moved, ...command(4)], "it has no ports: the guest has switched its ports off"],
      [[...moved, ...bar(0xffffffff)], "it has no ports: the guest has not given it any"],
    ] as const) {
      const plan = makePlan(classify(rows));
      expect(plan.unknown).toEqual([{ device: "card", register: "VALUE", reason: why }]);
    }
  });
});

/** Answers reads of CFCh one after the other. */
class Answering implements PortTarget {
  readonly name = "answering";
  readonly written: string[] = [];
  readonly #answers: number[];

  constructor(...answers: number[]) {
    this.#answers = answers;
  }

  perform(operations: readonly PortOperation[]): Promise<readonly number[]> {
    return Promise.resolve(
      operations.map((one) => {
        if (one.direction === "in") return this.#answers.shift() ?? 0;
        this.written.push(one.port.toString(16));
        return 0;
      }),
    );
  }
}

describe("carrying it out", () => {
  const { steps } = makePlan(classify(moved));

  test("goes on where the same device stands; bits nobody asked for may differ", async () => {
    const target = new Answering(0x56781234, 0x020000ff);
    await carryOut(steps, target);
    expect(target.written.at(-1)).toBe("d000");
  });

  test("ends before the first write through the window where another one stands", async () => {
    const target = new Answering(0x802910ec);
    await expect(carryOut(steps, target)).rejects.toMatchObject({
      code: "PORT_TARGET",
      message: expect.stringMatching(/for another machine: pci\.CONFDATA reads 0x802910ec instead of 0x56781234/),
    });
    expect(target.written).toEqual(["cf8"]);
  });

  test("a script is written whole: nobody answers it", async () => {
    let text = "";
    await carryOut(
      steps,
      new ScriptTarget("script", (more) => {
        text += more;
        return Promise.resolve();
      }),
    );
    expect(text).toContain("outb 0xd000 0x55");
  });
});
