import type { Plan, SourceRead } from "@portrait/replayer";
import type { MigrationReport } from "@portrait/vmm";
import type { ChalkInstance } from "chalk";
import { count, hex, plural } from "../output/numbers.ts";
import { listText } from "../output/list.ts";
import { table } from "../output/table.ts";
import { planJson } from "../plan/plan-json.ts";
import { planText } from "../plan/plan-text.ts";

/** Steps of one device that follow each other in a plan. */
interface Turn {
  readonly device: string;
  /** Position of its first step in the plan. */
  readonly first: number;
  readonly steps: number;
  /** Steps that repeat what the guest did. */
  readonly repeated: number;
}

/** What a migration did to the devices, as the contract's JSON: what stayed behind, was read at the source, and was written in which order and why. */
export function explanationJson({ plan, readBack, result, memoryMapped }: MigrationReport): unknown {
  return {
    dropped: result.comparison.devices.map(({ device, fields }) => ({ device, fields })),
    memoryMapped,
    readBack: readBack.map(({ device, register, value, expected, moved }) => ({
      ...{ device, register, value: hex(value), moved },
      ...(expected === undefined ? {} : { expected: hex(expected) }),
    })),
    order: turnsOf(plan),
    ...planJson(plan),
  };
}

/** What a migration did to the devices, as lines for people. */
export function explanationText(
  { plan, readBack, result, memoryMapped }: MigrationReport,
  colors: ChalkInstance,
): string[] {
  const { devices } = result.comparison;
  const heading = (text: string) => ["", colors.bold(text)];
  return [
    ...heading(`Dropped: the state of ${plural(devices.length, "device")}, kept at the source to compare with`),
    ...droppedLines(devices),
    ...(memoryMapped.length === 0
      ? []
      : [...heading("Reached through memory, which a trace of ports does not show"), `  ${memoryMapped.join(", ")}`]),
    ...heading(`Read at the source: ${plural(readBack.length, "register")}`),
    ...readBackLines(readBack),
    ...heading("Rebuilt, in this order"),
    ...turnLines(plan),
    ...(plan.interrupts.length === 0
      ? []
      : [...heading("Made pending again, after all else"), ...interruptLines(plan)]),
    "",
    ...planText(plan, colors),
  ];
}

function droppedLines(devices: MigrationReport["result"]["comparison"]["devices"]): string[] {
  const rows = devices.map(({ device, fields }) => [`  ${device}`, plural(fields, "field")]);
  return table(rows, ["left", "right"]);
}

/** Each device with how many were read, and those that were not as the trace left them. */
function readBackLines(readBack: readonly SourceRead[]): string[] {
  const rows = [...new Set(readBack.map(({ device }) => device))].map((device) => {
    const reads = readBack.filter((one) => one.device === device);
    return [`  ${device}`, count(reads.length), movedText(reads)];
  });
  return table(rows, ["left", "right", "left"]);
}

function movedText(reads: readonly SourceRead[]): string {
  const moved = reads.filter((read) => read.moved);
  const learned = reads.filter(({ expected }) => expected === undefined);
  const texts = [
    ["moved by the device", moved.map((one) => `${one.register} ${hex(one.expected ?? 0)} → ${hex(one.value)}`)],
    ["not told by the trace", learned.map(({ register, value }) => `${register} ${hex(value)}`)],
  ] as const;
  return texts.flatMap(([what, list]) => (list.length === 0 ? [] : [`${what}: ${listText(list)}`])).join("; ");
}

function turnLines(plan: Plan): string[] {
  const rows = turnsOf(plan).map(({ device, steps, repeated }) => [
    `  ${device}`,
    plural(steps, "step"),
    repeated === 0 ? "" : `${count(repeated)} of the trace`,
  ]);
  return table(rows, ["left", "right", "left"]);
}

function interruptLines({ interrupts }: Plan): string[] {
  const rows = interrupts.map(({ irq, device, why }) => [`  IRQ ${irq}`, device, why]);
  return table(rows, ["left", "left", "left"]);
}

function turnsOf({ steps }: Plan): Turn[] {
  const turns: { device: string; first: number; steps: number; repeated: number }[] = [];
  steps.forEach(({ device, from }, first) => {
    const last = turns.at(-1);
    const turn = last?.device === device ? last : { device, first, steps: 0, repeated: 0 };
    if (turn !== last) turns.push(turn);
    turn.steps++;
    if (from.length > 0) turn.repeated++;
  });
  return turns;
}
