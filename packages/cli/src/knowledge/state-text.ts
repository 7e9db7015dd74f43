import type { ChalkInstance } from "chalk";
import { table } from "../output/table.ts";
import { keyedName } from "./slot-key.ts";
import type { ContentView, SlotView } from "./slot-view.ts";
import type { DeviceView } from "./state-view.ts";

/** What is known of every device as lines for people. */
export function stateText(devices: Readonly<Record<string, DeviceView>>, colors: ChalkInstance): string[] {
  return Object.entries(devices).flatMap(([name, { base, reason, registers, selectors }]) => {
    const rows = Object.entries(registers).flatMap(([register, view]) => slotRows(register, view, colors));
    const selected = Object.entries(selectors).map(
      ([selector, value]) => `${selector}=${value ?? colors.red("unknown")}`,
    );
    return [
      `${colors.bold(name)} ${base === null ? colors.red(`has no ports: ${reason}`) : `at ${base}`}` +
        (selected.length === 0 ? "" : `  ${selected.join(" ")}`),
      ...table(rows, ["left", "left", "left", "left"]),
      "",
    ];
  });
}

function slotRows(register: string, view: SlotView, colors: ChalkInstance): string[][] {
  if (view.status !== "keyed") return [["", register, ...cells(view, colors)]];
  const keys = view.keys.map(({ key, ...content }) => ["", keyedName(register, key), ...cells(content, colors)]);
  return [...keys, ["", `${register}[others]`, ...cells(view.rest, colors)]];
}

/** What is known of a slot in one line without colours. */
export function contentText(view: ContentView): string {
  const [status = "", value = "", from = ""] = plainCells(view);
  return [status, value, from === "" ? "" : `(${from})`].filter((text) => text !== "").join(" ");
}

function cells(view: ContentView, colors: ChalkInstance): string[] {
  const [status = "", ...more] = plainCells(view);
  const color = view.status === "unknown" ? colors.red : view.status === "known" ? colors.green : colors.reset;
  return [color(status), ...more];
}

function plainCells({ status, value, values, seq, reason, halfDone }: ContentView): string[] {
  const from = seq === undefined ? "" : `from ${seq.join(", ")}`;
  const open =
    halfDone === undefined ? "" : `; half done: ${halfDone.values.join(" ")} from ${halfDone.seq.join(", ")}`;
  return [status, value ?? values?.join(" ") ?? "", (reason ?? from) + open];
}
