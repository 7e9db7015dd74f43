import type { PlanStep } from "@portrait/replayer";
import type { PortAccess } from "./accesses.ts";
import { basesIn, reaches, writes } from "./placed.ts";

/** A write that no machine may see repeated, to a device whose ports are programmed. */
interface Danger {
  /** Configuration register with the base, and vendor and device where others have one there, too. */
  readonly register: number;
  readonly id?: number;
  /** From the base; one of `bits` in that byte does it, or any write of the byte. */
  readonly at: number;
  readonly bits?: number;
  /** Doubleword with whose bits all 1 it is none: in loopback nothing leaves a card. */
  readonly unless?: { readonly at: number; readonly bits: number };
  readonly what: string;
}

const dangers: readonly Danger[] = [
  ...[0, 8].map((at) => ({ register: 0x20, at, bits: 0x01, what: "SSBM starts a transfer" })),
  { register: 0x10, id: 0x802910ec, at: 0x00, bits: 0x04, what: "TXP transmits" },
  { register: 0x10, id: 0x813910ec, at: 0x37, bits: 0x10, what: "RST resets the card" },
  ...[0x10, 0x14, 0x18, 0x1c].map((at) => ({
    register: 0x10,
    id: 0x813910ec,
    at,
    unless: { at: 0x40, bits: 0x60000 },
    what: "TSD transmits",
  })),
  { register: 0x10, id: 0x813910ec, at: 0x63, bits: 0x82, what: "resets the line, or negotiates anew" },
  { register: 0x10, id: 0x813910ec, at: 0xd9, bits: 0xc0, what: "TPPoll transmits" },
  { register: 0x10, id: 0x10001af4, at: 0x10, what: "notifies a queue" },
];

/** Those of the steps that are dangerous to devices where `first` has put them, with what each would do. From the datasheets. */
export function placedDangers(steps: readonly PlanStep[], first: readonly PortAccess[]): string[] {
  const placed = dangers.map((danger) => ({ ...danger, bases: basesIn(first, danger.register, danger.id) }));
  const written = new Map<number, number>();
  return steps.flatMap((step) => {
    if (step.op !== "out") return [];
    const { port, width, value } = step;
    const access: PortAccess = { direction: "out", port, width, value };
    if (width === 32) written.set(port, value);
    const found = placed.find(({ bases, at, bits, unless }) =>
      bases.some((base) => {
        if (unless !== undefined && ((written.get(base + unless.at) ?? 0) & unless.bits) === unless.bits) return false;
        return bits === undefined ? reaches(access, base + at, base + at) : writes(access, base + at, bits);
      }),
    );
    return found === undefined ? [] : [`OUT ${port.toString(16)}h, ${value.toString(16)}h: ${found.what}`];
  });
}
