import type { Device, Field, Guard, Instance, Interrupt, Slot } from "@portrait/classifier";
import type { ChalkInstance } from "chalk";
import { hex } from "../output/numbers.ts";
import { table } from "../output/table.ts";

/** A description as lines for people. */
export function deviceText(device: Device, { bold }: ChalkInstance): string[] {
  const { id, title, source, instances, unreachable, notModelled } = device;
  const sections: [string, string[]][] = [
    [
      "Instances",
      instances.map(
        (one) => `  ${one.name} ${placeText(one)}${lineText(one)}${one.title === undefined ? "" : `: ${one.title}`}`,
      ),
    ],
    ["Registers", registerLines(device)],
    ["State, and how it comes back", slotLines(device)],
    ["Its interrupt, where it is pending", device.interrupts.map((one) => `  ${interruptText(device, one)}`)],
    ["No port write restores", unreachable.map(({ what, why }) => `  ${what}: ${why}`)],
    ["Not described", notModelled.map(({ what, why }) => `  ${what}: ${why}`)],
  ];
  return [
    `${bold(id)}  ${title}`,
    source,
    ...sections.flatMap(([heading, lines]) => (lines.length === 0 ? [] : ["", bold(heading), ...lines])),
  ];
}

/** `at 0x20`, `where pci 0x40 says`, `at 0x3b0 once seen in pci`. */
export function placeText({ place }: Instance): string {
  if (place.kind === "fixed") return `at ${hex(place.base)}`;
  const { to, base, offset } = place.binding;
  if (typeof base === "number") return `at ${hex(base + offset)} once seen in ${to}`;
  return `where ${to} ${hex(base.at)} says${offset === 0 ? "" : `, plus ${hex(offset)}`}`;
}

const lineText = ({ irq }: Instance) => (irq === undefined ? "" : `, IRQ ${irq}`);

/** `while nien = 0, ALTERNATE_STATUS & 0xe9 = 0x40: made so again by CHECK_POWER_MODE; …`. */
function interruptText(device: Device, { guards, shows, steps, again, why }: Interrupt): string {
  const conditions = [
    ...guards.map((guard) => guardText(device, guard)),
    ...shows.map(({ read, mask, is }) => `${read.name} & ${hex(mask)} = ${hex(is)}`),
  ];
  const ways = new Set(steps.map((step) => ("read" in step ? step.read.name : step.write.name)));
  const after = `${again.map(({ name }) => name).join(", ")} brought back after another device on its line has asked`;
  const how = ways.size === 0 ? after : `made so again by ${[...ways].join(", ")}`;
  const state = conditions.length === 0 ? "" : `while ${conditions.join(", ")}: `;
  return `${state}${how}; ${why}`;
}

function registerLines({ registers }: Device): string[] {
  const rows = registers.map(({ name, title, access, port, fields, never }) => [
    "",
    name,
    access,
    `${port.name} +${port.offset}`,
    [title, fields.map(fieldText).join(" "), never === undefined ? undefined : `never replayed: ${never}`]
      .filter((text) => text !== undefined && text !== "")
      .join("; "),
  ]);
  return table(rows, ["left", "left", "left", "left", "left"]);
}

function fieldText({ name, high, low }: Field): string {
  return high === low ? `${name}[${high}]` : `${name}[${high}:${low}]`;
}

function slotLines(device: Device): string[] {
  const rows = device.slots.map((slot) => [
    "",
    slot.key.length === 0 ? slot.name : `${slot.name}[${slot.key.map((selector) => selector.name).join(" ")}]`,
    slot.reset === undefined ? "" : `reset ${hex(slot.reset)}`,
    slot.never === undefined ? slot.risk : "left out",
    slot.read.length === 0 ? "write-only" : `read back by ${slot.read.map((one) => one.name).join(", ")}`,
    [slot.never ?? slot.why, ...wayTexts(device, slot)].filter((text) => text !== undefined).join("; "),
  ]);
  return table(rows, ["left", "left", "left", "left", "left", "left"]);
}

/** `brought on by TSD0, TSD1`, `while lbk = 3`. */
function wayTexts(device: Device, { advance, guards }: Slot): string[] {
  const writes = advance?.writes.map(({ register }) => register.name).join(", ");
  return [
    ...(writes === undefined ? [] : [`brought on by ${writes}`]),
    ...(guards.length === 0 ? [] : [`while ${guards.map((guard) => guardText(device, guard)).join(", ")}`]),
  ];
}

/** `lbk = 3`, `on = 1 or 0`, `run = 2..4`. */
export function guardText({ selectors }: Device, { selector, ranges }: Guard): string {
  const one = selectors[selector];
  const text = (value: number) => one?.values?.[value] ?? String(value);
  return `${one?.name ?? selector} = ${ranges.map(([lo, hi]) => (lo === hi ? text(lo) : `${text(lo)}..${text(hi)}`)).join(" or ")}`;
}
