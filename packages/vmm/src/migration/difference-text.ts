import type { DeviceField } from "../machine.ts";
import type { Difference } from "./compare-devices.ts";

/** Characters shown of a value: a card's memory is one of many thousands. */
const VALUE_LENGTH = 32;

/** Both values of a field that differs, for people; of long ones the beginning. */
export function differenceText({ source, destination }: Pick<Difference, "source" | "destination">): string {
  return `${shortened(source)} → ${shortened(destination)}`;
}

function shortened(value: DeviceField["value"] = "none"): string {
  const text = String(value);
  return text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}…` : text;
}
