import {
  keptValue,
  openOf,
  type InstanceState,
  type Slot,
  type SlotContent,
  type SlotWrite,
} from "@portrait/classifier";
import { hex } from "../output/numbers.ts";

/** What is known of one slot, or of one key of it, as `portrait state -o json` prints it. */
export type ContentView = {
  readonly status: SlotContent["status"];
  /** What it holds; `values` where several writes in order make it up. */
  readonly value?: string;
  readonly values?: readonly string[];
  /** Accesses that made it so. */
  readonly seq?: readonly number[];
  /** Why it is unknown. */
  readonly reason?: string;
  /** Writes of a value that is not complete yet. */
  readonly halfDone?: { readonly values: readonly string[]; readonly seq: readonly number[] };
};

/** A slot with keys: what is known of each, and of all others. */
export interface KeyedView {
  readonly status: "keyed";
  readonly keys: readonly ({ readonly key: Readonly<Record<string, number>> } & ContentView)[];
  readonly rest: ContentView;
}

/** A slot as JSON. */
export type SlotView = ContentView | KeyedView;

/** What is known of a slot. */
export function slotView(state: InstanceState, slot: Slot): SlotView {
  if (slot.key.length === 0) return contentView(state.slots.content(slot, 0));
  const rest = contentView(state.slots.rest(slot));
  const keys = [...state.slots.keys(slot)].sort(([a], [b]) => a - b);
  if (keys.length === 0) return rest;
  const views = keys.map(([key, content]) => ({ key: keyOf(slot, key), ...contentView(content) }));
  return { status: "keyed", keys: views, rest };
}

/** Content of a slot as JSON. */
export function contentView(content: SlotContent): ContentView {
  const open = openOf(content);
  const halfDone = open.length === 0 ? undefined : { values: open.map(valueText), seq: open.map(({ seq }) => seq) };
  return { status: content.status, ...held(content), ...(halfDone !== undefined && { halfDone }) };
}

function held(content: SlotContent): Omit<ContentView, "status" | "halfDone"> {
  switch (content.status) {
    case "reset":
      return content.value === undefined ? {} : { value: hex(content.value) };
    case "implied":
      return { value: hex(content.value), seq: [content.cause] };
    case "none":
      return { seq: [content.cause] };
    case "unknown":
      return { reason: content.reason };
    case "known": {
      const seq = content.closed.map((write) => write.seq);
      const [value, ...more] = content.closed.map(valueText);
      if (value === undefined) return {};
      return more.length === 0 ? { value, seq } : { values: [value, ...more], seq };
    }
  }
}

function valueText(write: SlotWrite): string {
  return hex(keptValue(write));
}

/** Values of the selectors that make up a key, and the byte lane of a slot with lanes. */
function keyOf(slot: Slot, key: number): Record<string, number> {
  const names: Record<string, number> = slot.lanes === undefined ? {} : { lane: key % 4 };
  let rest = slot.lanes === undefined ? key : Math.floor(key / 4);
  for (const selector of slot.key.toReversed()) {
    names[selector.name] = rest % selector.size;
    rest = Math.floor(rest / selector.size);
  }
  return Object.fromEntries(Object.entries(names).reverse());
}
