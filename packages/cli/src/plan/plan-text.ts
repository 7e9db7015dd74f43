import type { Expected, Plan, PlanStep } from "@portrait/replayer";
import type { Risk } from "@portrait/classifier";
import { allOnes, type Width } from "@portrait/tracer";
import type { ChalkInstance } from "chalk";
import { count, hex, hexPadded, plural } from "../output/numbers.ts";
import { table } from "../output/table.ts";

const FROM_SHOWN = 6;

/** A plan as lines for people. */
export function planText(plan: Plan, colors: ChalkInstance): string[] {
  const { steps, unknown, unreachable, counts } = plan;
  const rows = steps.map((step) => [
    operationText(step),
    colors.bold(`${step.device}.${step.register}`),
    riskText(step.risk, colors),
    step.from.length === 0 ? "" : `from ${originText(step.from)}`,
    step.why,
  ]);
  const named = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", colors.bold(heading), ...lines.map((line) => `  ${line}`)];
  return [
    ...table(rows, ["left", "left", "left", "left", "left"]),
    ...named(
      "Not known",
      unknown.map(({ device, register, reason }) => `${colors.red(`${device}.${register}`)}: ${reason}`),
    ),
    ...named(
      "No port write restores",
      unreachable.map(({ device, what, reason }) => `${device}: ${what}: ${reason}`),
    ),
    "",
    `${count(counts.accesses)} accesses, ${count(counts.kept)} still matter, ${plural(counts.steps, "step")}`,
  ];
}

function operationText(step: PlanStep): string {
  switch (step.op) {
    case "out":
      return `out ${hexPadded(step.port, 16)} ${hexPadded(step.value, step.width)}`;
    case "in":
      return `in  ${hexPadded(step.port, 16)}${expectedText(step.expect, step.width)}`;
    case "drain":
      return `in  ${hexPadded(step.port, 16)} while ${hex(step.status)} & ${hex(step.mask)}, at most ${step.limit}`;
  }
}

/** ` & 0xe9 must be 0x40`. */
function expectedText(expect: Expected | undefined, width: Width): string {
  if (expect === undefined) return "";
  const ones = allOnes(width);
  const mask = (expect.mask & ones) >>> 0 === ones ? "" : ` & ${hexPadded(expect.mask, width)}`;
  return `${mask} must be ${hexPadded(expect.value, width)}`;
}

function originText(from: readonly number[]): string {
  const shown = from.slice(0, FROM_SHOWN).join(" ");
  return from.length > FROM_SHOWN ? `${shown} …` : shown;
}

function riskText(risk: Risk, { green, yellow, red }: ChalkInstance): string {
  switch (risk) {
    case "safe":
      return green(risk);
    case "care":
      return yellow(risk);
    case "danger":
      return red(risk);
  }
}
