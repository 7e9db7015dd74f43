import type { Device, Rule, Slot } from "../description/model.ts";
import { openOf, type SlotContent, type SlotWrite } from "./slot-content.ts";

/** Keys a slot may hold; a guest that writes more makes the slot unknown instead of using up memory. */
const KEY_LIMIT = 65_536;

/** Parts a group may have; no device needs near as many. */
const PART_LIMIT = 64;

/** Number of the access that stands for power-on, which no access made. */
const BEFORE_RESET = -1;

const nothing: readonly SlotWrite[] = [];
const unobserved: SlotContent = { status: "unknown", reason: "not observed", open: nothing };

/** The slots of one device instance. */
export class SlotStore {
  readonly #device: Device;
  readonly #single: SlotContent[] = [];
  readonly #keyed: Map<number, SlotContent>[] = [];
  readonly #rest: SlotContent[] = [];

  /** `unknown`: why nothing is known at the start; undefined when the device comes out of reset. */
  constructor(device: Device, unknown: string | undefined) {
    this.#device = device;
    if (unknown === undefined) this.reset();
    else this.loseAll(unknown);
  }

  /** Every slot takes its reset value. */
  reset(): void {
    for (const slot of this.#device.slots) this.#setAll(slot, { status: "reset", value: slot.reset });
  }

  /** Every slot becomes unknown. */
  loseAll(reason: string): void {
    for (const slot of this.#device.slots) this.lose(slot, reason);
  }

  /** The whole slot, all its keys, becomes unknown. */
  lose(slot: Slot, reason: string): void {
    this.#setAll(slot, { status: "unknown", reason, open: nothing });
  }

  /** Every key of the slot takes the value as a consequence of access `cause`; undefined: it holds nothing. */
  clear(slot: Slot, value: number | undefined, cause: number): void {
    this.#setAll(slot, value === undefined ? { status: "none", cause } : { status: "implied", value, cause });
  }

  /** What is half done, under any key, is broken off by access `cause` and had no effect; `doubt`: why that is not certain. */
  drop(slot: Slot, cause: number, doubt?: string): void {
    const all = slot.key.length === 0 ? [[0, this.content(slot, 0)] as const] : [...this.keys(slot)];
    for (const [key, content] of all) {
      if (openOf(content).length === 0) continue;
      if (doubt === undefined) this.#put(slot, key, withoutOpen(content, cause));
      else this.loseKey(slot, key, doubt);
    }
  }

  /** The slot takes `rest`, and some of its keys a content of their own. */
  adopt(slot: Slot, rest: SlotContent, keys: Iterable<readonly [number, SlotContent]>): void {
    this.#setAll(slot, rest);
    for (const [key, content] of keys) this.#put(slot, key, content);
  }

  #setAll(slot: Slot, content: SlotContent): void {
    this.#single[slot.index] = content;
    this.#rest[slot.index] = content;
    const keyed = this.#keyed[slot.index];
    if (keyed === undefined) this.#keyed[slot.index] = new Map();
    else keyed.clear();
  }

  /** One key becomes unknown. */
  loseKey(slot: Slot, key: number, reason: string): void {
    this.#put(slot, key, { status: "unknown", reason, open: nothing });
  }

  /** Content of a slot; `key` is 0 for a slot without one. */
  content(slot: Slot, key: number): SlotContent {
    const rest = this.#rest[slot.index] ?? unobserved;
    if (slot.key.length === 0) return this.#single[slot.index] ?? rest;
    return this.#keyed[slot.index]?.get(key) ?? rest;
  }

  /** Keys that differ from {@link rest}, with their content. */
  keys(slot: Slot): IterableIterator<[number, SlotContent]> {
    return (this.#keyed[slot.index] ?? new Map<number, SlotContent>()).entries();
  }

  /** Content of every key of a keyed slot that {@link keys} does not list. */
  rest(slot: Slot): SlotContent {
    return this.#rest[slot.index] ?? unobserved;
  }

  /** Takes a write, whole or as a part. `taken`: the parameters of one that is whole. */
  fill(slot: Slot, key: number, part: Rule["part"], write: SlotWrite, taken: readonly SlotWrite[] = nothing): void {
    if (part === "whole") {
      const earlier = slot.depth === 1 ? nothing : earlierWrites(slot, this.content(slot, key), write);
      this.#put(slot, key, complete([...earlier, ...taken, write]));
      return;
    }
    const before = this.content(slot, key);
    const open = part === "begin" ? [write] : [...openOf(before), write];
    if (part !== "begin" && (open.length === 1 || open.length > PART_LIMIT)) {
      this.loseKey(slot, key, "its first part was not observed");
    } else if (part === "end") this.#put(slot, key, complete(open));
    else if (before.status === "unknown") this.#put(slot, key, { status: "unknown", reason: before.reason, open });
    else this.#put(slot, key, goOn(before, part === "begin" && slot.keepsBrokenOff, open));
  }

  #put(slot: Slot, key: number, content: SlotContent): void {
    if (slot.key.length === 0) {
      this.#single[slot.index] = content;
      return;
    }
    const keyed = this.#keyed[slot.index];
    if (keyed === undefined) return;
    if (keyed.size >= KEY_LIMIT && !keyed.has(key)) this.lose(slot, `more than ${KEY_LIMIT} keys were written`);
    else keyed.set(key, content);
  }
}

/** What a write pushes further in: the writes before it, or what power-on left. */
function earlierWrites(slot: Slot, before: SlotContent, write: SlotWrite): readonly SlotWrite[] {
  if (before.status === "known") return before.closed.slice(1 - slot.depth);
  if (before.status !== "reset" || before.value === undefined) return nothing;
  return Array<SlotWrite>(slot.depth - 1).fill({ ...write, seq: BEFORE_RESET, value: before.value });
}

function complete(closed: readonly SlotWrite[]): SlotContent {
  return { status: "known", closed, brokenOff: [], open: nothing };
}

/** The content before its half-done writes, which access `cause` broke off. */
function withoutOpen(content: SlotContent, cause: number): SlotContent {
  if (content.status === "known" && content.closed.length === 0) return { status: "none", cause };
  return content.status === "known" || content.status === "unknown" ? { ...content, open: nothing } : content;
}

/** The content once `open` has got one part further; `keepsHalf`: it has begun anew, and what was half done is kept. */
function goOn(before: SlotContent, keepsHalf: boolean, open: readonly SlotWrite[]): SlotContent {
  const closed = before.status === "known" ? [...before.closed] : [];
  const brokenOff = before.status === "known" ? [...before.brokenOff] : [];
  const half = openOf(before);
  if (keepsHalf && half.length > 0) {
    closed.push(...half);
    brokenOff.push(half.length);
  }
  // A part is superseded by the same part of the new group. The last group is the shortest: longer ones were kept before it.
  while ((brokenOff.at(-1) ?? Infinity) <= open.length) closed.length -= brokenOff.pop() ?? 0;
  return { status: "known", closed, brokenOff, open };
}
