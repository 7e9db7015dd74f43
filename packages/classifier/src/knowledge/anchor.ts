import { MAX_ANCHOR_BYTES } from "@portrait/tracer";
import { z } from "zod";
import type { Device, Drain, Guard, Register, Selector, Slot } from "../description/model.ts";
import type { WindowSeen } from "../bind/bindings.ts";
import { UNKNOWN, type InstanceState } from "./instance-state.ts";
import type { SlotContent, SlotWrite } from "./slot-content.ts";

const VERSION = 1;

const number = z.number().int().min(0).max(0xffffffff);
const seq = z.number().int();
const guardForm = z.object({ selector: z.string(), ranges: z.array(z.tuple([z.number(), z.number()])).max(1024) });
const writeForm = z.object({
  seq,
  part: number,
  register: z.string(),
  width: z.union([z.literal(8), z.literal(16), z.literal(32)]),
  value: number,
  keep: number,
  with: number,
  drain: z.string().optional(),
  guards: z.array(guardForm).max(64).optional(),
  key: z.array(z.number().int()).max(16).optional(),
  read: z.literal(true).optional(),
  takenBy: seq.optional(),
});
const writes = z.array(writeForm).max(1024);
const contentForm = z.discriminatedUnion("status", [
  z.object({ status: z.literal("reset"), value: number.optional() }),
  z.object({ status: z.literal("known"), closed: writes, brokenOff: z.array(number).max(1024), open: writes }),
  z.object({ status: z.literal("implied"), value: number, cause: seq }),
  z.object({ status: z.literal("none"), cause: seq }),
  z.object({ status: z.literal("unknown"), reason: z.string(), open: writes }),
]);
const instanceForm = z.object({
  name: z.string(),
  touched: z.boolean(),
  selectors: z.array(z.tuple([z.string(), z.number().int().min(0)])),
  slots: z.array(
    z.object({ name: z.string(), content: contentForm, keys: z.array(z.tuple([number, contentForm])).optional() }),
  ),
});
const windowForm = z.object({
  window: z.string(),
  unknown: z.string().optional(),
  pages: z
    .array(
      z.object({
        address: number,
        bound: z.array(z.string()).max(64),
        bytes: z.array(z.tuple([number, z.int().min(0).max(0xff).nullable()])).max(0x10000),
      }),
    )
    .max(0x10000),
});
const anchorForm = z.object({
  version: z.literal(VERSION),
  accesses: z.number().int().min(0),
  instances: z.array(instanceForm),
  windows: z.array(windowForm),
});

/** What is known of every device at one point of a trace, as it stands in a file. */
export type Anchor = z.infer<typeof anchorForm>;
type InstanceForm = z.infer<typeof instanceForm>;
type ContentForm = z.infer<typeof contentForm>;
type WriteForm = z.infer<typeof writeForm>;

/** What the states say, after `accesses` accesses, as JSON. Where that is too long for a file, the devices that say most are left out. */
export function writeAnchor(
  states: readonly InstanceState[],
  windows: readonly WindowSeen[],
  accesses: number,
): string {
  const seen = JSON.stringify(windows.map(windowOf));
  const forms = states.map((state) => JSON.stringify(instanceOf(state)));
  const kept = new Set(forms);
  const textOf = () =>
    `{"version":${VERSION},"accesses":${accesses},"windows":${seen},"instances":[${[...kept].join()}]}`;
  for (const form of forms.toSorted((a, b) => b.length - a.length)) {
    if (Buffer.byteLength(textOf()) <= MAX_ANCHOR_BYTES) break;
    kept.delete(form);
  }
  return textOf();
}

/** Reads what {@link writeAnchor} wrote; undefined where it is something else. */
export function readAnchor(text: string): Anchor | undefined {
  try {
    return anchorForm.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Brings states to what an anchor says. A device of which it says nothing, or speaks of something its description does not have, becomes
 * unknown.
 */
export function adoptAnchor(states: readonly InstanceState[], { instances }: Anchor): void {
  const byName = new Map(instances.map((form) => [form.name, form]));
  for (const state of states) {
    const form = byName.get(state.instance.name);
    const adopt = form && preparedFor(state, form);
    if (adopt === undefined)
      state.lose("not observed: what the trace's anchor says of it, if anything, does not fit its description");
    else adopt();
  }
}

/** What an anchor says of the windows. */
export function seenIn({ windows }: Anchor): WindowSeen[] {
  return windows.map(({ window, unknown, pages }) => ({
    window,
    unknown,
    pages: pages.map((page) => ({ ...page, bytes: page.bytes.map(([at, byte]) => [at, byte ?? undefined]) })),
  }));
}

function windowOf({ window, unknown, pages }: WindowSeen): z.infer<typeof windowForm> {
  return {
    window,
    ...(unknown !== undefined && { unknown }),
    pages: pages.map(({ address, bound, bytes }) => ({
      address,
      bound: [...bound],
      bytes: bytes.map(([at, byte]): [number, number | null] => [at, byte ?? null]),
    })),
  };
}

function instanceOf({ instance, touched, selectors, slots }: InstanceState): InstanceForm {
  const { device } = instance;
  return {
    name: instance.name,
    touched,
    selectors: device.selectors.flatMap(({ index, name }): [string, number][] => {
      const value = selectors[index] ?? UNKNOWN;
      return value === UNKNOWN ? [] : [[name, value]];
    }),
    slots: device.slots.map((slot) => {
      if (slot.key.length === 0) return { name: slot.name, content: contentOf(slots.content(slot, 0), device) };
      const keys = [...slots.keys(slot)].map(([key, content]): [number, ContentForm] => [
        key,
        contentOf(content, device),
      ]);
      return { name: slot.name, content: contentOf(slots.rest(slot), device), keys };
    }),
  };
}

function contentOf(content: SlotContent, device: Device): ContentForm {
  const all = (some: readonly SlotWrite[]) => some.map((write) => writeOf(write, device));
  switch (content.status) {
    case "reset":
      return { status: "reset", ...(content.value !== undefined && { value: content.value }) };
    case "known":
      return { ...content, closed: all(content.closed), brokenOff: [...content.brokenOff], open: all(content.open) };
    case "unknown":
      return { ...content, open: all(content.open) };
    case "implied":
    case "none":
      return content;
  }
}

function writeOf(
  { register, drain, guards, key, read, takenBy, ...plain }: SlotWrite,
  { selectors }: Device,
): WriteForm {
  const named = guards.map(({ selector, ranges }) => ({
    selector: selectors[selector]?.name ?? "",
    ranges: ranges.map(([lo, hi]): [number, number] => [lo, hi]),
  }));
  return {
    ...plain,
    register: register.name,
    ...(drain !== undefined && { drain: drain.name }),
    ...(named.length > 0 && { guards: named }),
    ...(key.length > 0 && { key: [...key] }),
    ...(read && { read }),
    ...(takenBy !== undefined && { takenBy }),
  };
}

/** What brings the state to the form; undefined where they do not fit each other. */
function preparedFor(state: InstanceState, form: InstanceForm): (() => void) | undefined {
  const names = namesOf(state.instance.device);
  try {
    const selectors = form.selectors.map(([name, value]): [Selector, number] => {
      const selector = found(names.selectors, name);
      if (value >= selector.size) throw new Misfit();
      return [selector, value];
    });
    const slots = form.slots.map(({ name, content, keys = [] }) => ({
      slot: found(names.slots, name),
      content: restored(content, names),
      keys: keys.map(([key, one]): [number, SlotContent] => [key, restored(one, names)]),
    }));
    if (slots.length !== state.instance.device.slots.length) return undefined;
    return () => {
      state.touched = form.touched;
      state.selectors.fill(UNKNOWN);
      for (const [{ index }, value] of selectors) state.selectors[index] = value;
      for (const { slot, content, keys } of slots) state.slots.adopt(slot, content, keys);
    };
  } catch (error) {
    if (error instanceof Misfit) return undefined;
    throw error;
  }
}

/** An anchor names something that is not there. */
class Misfit extends Error {}

interface Names {
  readonly selectors: ReadonlyMap<string, Selector>;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly registers: ReadonlyMap<string, Register>;
  readonly drains: ReadonlyMap<string, Drain>;
}

function namesOf({ selectors, slots, registers, drains }: Device): Names {
  const by = <T extends { readonly name: string }>(items: readonly T[]) =>
    new Map(items.map((item) => [item.name, item]));
  return { selectors: by(selectors), slots: by(slots), registers: by(registers), drains: by(drains) };
}

function found<T>(items: ReadonlyMap<string, T>, name: string): T {
  const item = items.get(name);
  if (item === undefined) throw new Misfit();
  return item;
}

function restored(content: ContentForm, names: Names): SlotContent {
  const all = (some: readonly WriteForm[]) => some.map((write) => restoredWrite(write, names));
  switch (content.status) {
    case "reset":
      return { status: "reset", value: content.value };
    case "known":
      return { ...content, closed: all(content.closed), open: all(content.open) };
    case "unknown":
      return { ...content, open: all(content.open) };
    case "implied":
    case "none":
      return content;
  }
}

function restoredWrite(write: WriteForm, { registers, selectors, drains }: Names): SlotWrite {
  return {
    ...write,
    register: found(registers, write.register),
    drain: write.drain === undefined ? undefined : found(drains, write.drain),
    guards: (write.guards ?? []).map(({ selector, ranges }): Guard => ({
      selector: found(selectors, selector).index,
      ranges,
    })),
    key: write.key ?? [],
    read: write.read ?? false,
    takenBy: write.takenBy,
  };
}
