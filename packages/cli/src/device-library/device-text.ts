import type { Device, Field, Instance } from "@portrait/classifier";
import type { ChalkInstance } from "chalk";
import { hex } from "../output/numbers.ts";
import { table } from "../output/table.ts";

/** A description as lines for people. */
export function deviceText(device: Device, { bold }: ChalkInstance): string[] {
  const { id, title, source, instances, unreachable, notModelled } = device;
  const sections: [string, string[]][] = [
    [
      "Instances",
      instances.map((one) => `  ${one.name} ${placeText(one)}${one.title === undefined ? "" : `: ${one.title}`}`),
    ],
    ["Registers", registerLines(device)],
    ["State, and how it comes back", slotLines(device)],
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

function slotLines({ slots }: Device): string[] {
  const rows = slots.map(({ name, key, reset, risk, why, never, read }) => [
    "",
    key.length === 0 ? name : `${name}[${key.map((selector) => selector.name).join(" ")}]`,
    reset === undefined ? "" : `reset ${hex(reset)}`,
    never === undefined ? risk : "left out",
    read.length === 0 ? "write-only" : `read back by ${read.map((one) => one.name).join(", ")}`,
    never ?? why ?? "",
  ]);
  return table(rows, ["left", "left", "left", "left", "left", "left"]);
}
