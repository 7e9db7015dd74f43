import type { Drain, Guard, Register } from "../description/model.ts";
import type { Width } from "@portrait/tracer";

/** One observed write that a slot refers to. */
export interface SlotWrite {
  readonly seq: number;
  /** Byte offset in a wider access that was split, or the element of a string access; 0 otherwise. */
  readonly part: number;
  readonly register: Register;
  readonly width: Width;
  readonly value: number;
  /** Bits of the value that come back, and bits that are added to them. */
  readonly keep: number;
  readonly with: number;
  readonly drain: Drain | undefined;
  /** What selectors the rule that took the write asked for, beyond the register's own guards. */
  readonly guards: readonly Guard[];
  /** Selectors the write's key was made of, by index in {@link Slot.key}. */
  readonly key: readonly number[];
  /** Number of the access that took it as its parameter, where it is kept for that one's sake. */
  readonly takenBy: number | undefined;
  /** True when the value was read from the device rather than written by the guest. */
  readonly read: boolean;
}

/**
 * What is known of a slot. `reset`: as power-on left it. `known`: set by `closed` (complete) and `open` (half done). At the end of
 * `closed` stand groups that were broken off by a new beginning, with so many parts each, as far as `open` has not got
 * as far: their parts had their effect.
 * `implied`: took `value` as a consequence of access `cause`. `none`: holds nothing since access `cause`. `unknown`: see `reason`;
 * `open` is what has been half done since.
 */
export type SlotContent =
  | { readonly status: "reset"; readonly value: number | undefined }
  | {
      readonly status: "known";
      readonly closed: readonly SlotWrite[];
      readonly brokenOff: readonly number[];
      readonly open: readonly SlotWrite[];
    }
  | { readonly status: "implied"; readonly value: number; readonly cause: number }
  | { readonly status: "none"; readonly cause: number }
  | { readonly status: "unknown"; readonly reason: string; readonly open: readonly SlotWrite[] };

/** The half-done writes of a slot. */
export function openOf(content: SlotContent): readonly SlotWrite[] {
  return content.status === "known" || content.status === "unknown" ? content.open : [];
}

/** Value that a known slot's last complete write left, as far as it is kept. */
export function keptValue(write: SlotWrite): number {
  return ((write.value & write.keep) | write.with) >>> 0;
}

/** The value a slot holds, where it is one value and known: not a group, and nothing half done. */
export function heldValue(content: SlotContent): number | undefined {
  switch (content.status) {
    case "known": {
      const [write, ...more] = content.closed;
      return write === undefined || more.length > 0 || content.open.length > 0 ? undefined : keptValue(write);
    }
    case "implied":
    case "reset":
      return content.value;
    case "none":
    case "unknown":
      return undefined;
  }
}
