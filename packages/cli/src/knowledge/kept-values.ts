import { keptValue, type Slot, type SlotWrite } from "@portrait/classifier";

/** Bits of a byte lane. */
const LANE = 8;

/** What each write left in a slot, or, for a slot of byte lanes, in the lane of `key`. */
export function keptValues(slot: Slot, key: number, writes: readonly SlotWrite[]): number[] {
  const { lanes } = slot;
  if (lanes === undefined) return writes.map(keptValue);
  return writes.map((write) => {
    const first = write.register.port.offset - lanes.offset;
    return (keptValue(write) >>> (LANE * ((key % 4) - first))) & 0xff;
  });
}
