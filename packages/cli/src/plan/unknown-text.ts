import type { Plan } from "@portrait/replayer";

const NAMES_SHOWN = 6;

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
    ({ device, reason, registers }) => `  ${device}: ${namesText([...registers])}: ${reason}`,
  );
}

function namesText(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return names.slice(0, NAMES_SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
