import type { Slot } from "@portrait/classifier";

/** Values of the selectors that make up a key, in their order, and the lane of a slot of byte lanes. */
export function keyValues(slot: Slot, key: number): Record<string, number> {
  const reversed: [string, number][] = slot.lanes === undefined ? [] : [["lane", key % 4]];
  let rest = slot.lanes === undefined ? key : Math.floor(key / 4);
  for (const selector of slot.key.toReversed()) {
    reversed.push([selector.name, rest % selector.size]);
    rest = Math.floor(rest / selector.size);
  }
  const lane = slot.lanes === undefined ? [] : reversed.splice(0, 1);
  return Object.fromEntries([...reversed.reverse(), ...lane]);
}

/** `CONFIG[address=22 lane=0]`. */
export function keyedName(register: string, values: Readonly<Record<string, number>>): string {
  const inside = Object.entries(values).map(([selector, value]) => `${selector}=${value}`);
  return `${register}[${inside.join(" ")}]`;
}
