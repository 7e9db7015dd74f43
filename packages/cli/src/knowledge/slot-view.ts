import { openOf, type InstanceState, type Slot, type SlotContent, type SlotWrite } from "@portrait/classifier";
import { hex } from "../output/numbers.ts";
import { keptValues } from "./kept-values.ts";
import { keyValues } from "./slot-key.ts";

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
  if (slot.key.length === 0) return contentView(slot, 0, state.slots.content(slot, 0));
  const rest = contentView(slot, 0, state.slots.rest(slot));
  const keys = [...state.slots.keys(slot)].sort(([a], [b]) => a - b);
  if (keys.length === 0) return rest;
  const views = keys.map(([key, content]) => ({ key: keyValues(slot, key), ...contentView(slot, key, content) }));
  return { status: "keyed", keys: views, rest };
}

/** Content of a slot, or of one key of it, as JSON. */
export function contentView(slot: Slot, key: number, content: SlotContent): ContentView {
  const values = (writes: readonly SlotWrite[]) => keptValues(slot, key, writes).map(hex);
  const open = openOf(content);
  const halfDone = open.length === 0 ? undefined : { values: values(open), seq: open.map(({ seq }) => seq) };
  return { status: content.status, ...held(content, values), ...(halfDone !== undefined && { halfDone }) };
}

function held(
  content: SlotContent,
  values: (writes: readonly SlotWrite[]) => string[],
): Omit<ContentView, "status" | "halfDone"> {
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
      const [value, ...more] = values(content.closed);
      if (value === undefined) return {};
      return more.length === 0 ? { value, seq } : { values: [value, ...more], seq };
    }
  }
}
