import { PART } from "./layout.ts";
import type { StreamSection } from "./section.ts";
import type { StreamTail } from "./tail.ts";

/** The sections that pass to the destination, each with the reason; every other one is rebuilt through ports. */
export const KEPT_SECTIONS: Readonly<Record<string, string>> = {
  ram: "the guest's memory",
  timer: "the time the guest's processor has seen (its time-stamp counter and QEMU's virtual clock)",
  cpu_common: "the processor: whether it is halted, and what interrupts it",
  cpu: "the processor's registers",
  apic: "the processor's own interrupt controller, which has no ports; the PIC's output goes through it",
};

/** True for a section that is rebuilt through ports on the destination. */
export function isDevice(section: StreamSection): boolean {
  return !Object.hasOwn(KEPT_SECTIONS, section.name);
}

/** What ends a stream that has only the kept sections: these, the end mark, and an empty description, which no QEMU reads. */
export function strippedTail({ sections }: StreamTail): Uint8Array {
  const kept = sections.filter((section) => !isDevice(section)).map(({ bytes }) => bytes);
  const description = Buffer.from("{}");
  const head = Buffer.alloc(6);
  head.writeUInt8(PART.end, 0);
  head.writeUInt8(PART.description, 1);
  head.writeUInt32BE(description.length, 2);
  return Buffer.concat([...kept, head, description]);
}
