import type { Classifier, Slot, SlotContent } from "@portrait/classifier";
import { keptValues } from "../knowledge/kept-values.ts";
import { keyedName, keyValues } from "../knowledge/slot-key.ts";
import { contentView, type ContentView } from "../knowledge/slot-view.ts";

/** A slot of which two traces know different things. */
export interface SlotDifference {
  readonly device: string;
  /** Name of the slot, with its key where it has one. */
  readonly register: string;
  readonly a: ContentView;
  readonly b: ContentView;
}

/** What two traces know of the devices, compared. */
export interface StateComparison {
  /** Slots that were compared. */
  readonly compared: number;
  /** Slots neither trace knows. */
  readonly unknown: number;
  readonly different: readonly SlotDifference[];
}

/** Compares the values of every slot at the end of two traces; not by which accesses they came about. */
export function compareStates(a: Classifier, b: Classifier): StateComparison {
  const [slotsOfA, slotsOfB] = [contents(a), contents(b)];
  const different: SlotDifference[] = [];
  let compared = 0;
  let unknown = 0;
  for (const [name, { device, register, rest, slot, key }] of new Map([...slotsOfA, ...slotsOfB])) {
    const one = slotsOfA.get(name)?.content ?? slotsOfA.get(rest)?.content;
    const other = slotsOfB.get(name)?.content ?? slotsOfB.get(rest)?.content;
    if (one === undefined || other === undefined) continue;
    compared++;
    if (one.status === "unknown" && other.status === "unknown") unknown++;
    else if (meaning(slot, key, one) !== meaning(slot, key, other)) {
      different.push({ device, register, a: contentView(slot, key, one), b: contentView(slot, key, other) });
    }
  }
  return { compared, unknown, different };
}

interface NamedContent {
  readonly device: string;
  readonly register: string;
  /** Name of the entry that stands for keys without one of their own. */
  readonly rest: string;
  readonly slot: Slot;
  readonly key: number;
  readonly content: SlotContent;
}

/** Every slot and key of every device, by name. */
function contents(classifier: Classifier): Map<string, NamedContent> {
  const all = new Map<string, NamedContent>();
  for (const { instance, slots } of classifier.states) {
    const device = instance.name;
    for (const slot of instance.device.slots) {
      const add = (register: string, rest: string, key: number, content: SlotContent) =>
        all.set(`${device}.${register}`, { device, register, rest: `${device}.${rest}`, slot, key, content });
      if (slot.key.length === 0) {
        add(slot.name, slot.name, 0, slots.content(slot, 0));
        continue;
      }
      const rest = `${slot.name}[others]`;
      add(rest, rest, 0, slots.rest(slot));
      for (const [key, content] of slots.keys(slot))
        add(keyedName(slot.name, keyValues(slot, key)), rest, key, content);
    }
  }
  return all;
}

/** What a slot holds, as text that is equal where the device is. */
function meaning(slot: Slot, key: number, content: SlotContent): string {
  switch (content.status) {
    case "reset":
      return content.value === undefined ? "reset" : String(content.value);
    case "implied":
      return String(content.value);
    case "none":
      return "none";
    case "unknown":
      return "unknown";
    case "known": {
      const closed = keptValues(slot, key, content.closed).join(" ");
      return content.open.length === 0 ? closed : `${closed} / ${keptValues(slot, key, content.open).join(" ")}`;
    }
  }
}
