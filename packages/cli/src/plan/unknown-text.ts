import type { Plan } from "@portrait/replayer";
import { listText } from "../output/list.ts";

/** What is not known, one line for each device and reason: `  pic1: OCW1, ICW1: not observed: ring was full`. */
export function unknownText(unknown: Plan["unknown"]): string[] {
  const groups = new Map<string, { device: string; reason: string; registers: Set<string> }>();
  for (const { device, register, reason } of unknown) {
    const key = `${device}: ${reason}`;
    const group = groups.get(key) ?? { device, reason, registers: new Set() };
    group.registers.add(register);
    groups.set(key, group);
  }
  return [...groups.values()].map(
    ({ device, reason, registers }) => `  ${device}: ${listText([...registers])}: ${reason}`,
  );
}
