import type { PortAccess } from "./accesses.ts";

/** What a PCI configuration register was given, in functions of which vendor and device were seen; in all of them where none are given. */
export function basesIn(accesses: readonly PortAccess[], register: number, id?: number): number[] {
  let address = 0;
  const seen = new Set<number>();
  return accesses.flatMap(({ direction, port, width, value }) => {
    if (width !== 32) return [];
    if (direction === "out" && port === 0xcf8) address = value;
    const [page, at] = [address & ~0xff, address & 0xff];
    if (port !== 0xcfc) return [];
    if (direction === "in" && at === 0 && value === id) seen.add(page);
    return direction === "out" && at === register && (id === undefined || seen.has(page)) ? [value & 0xfffc] : [];
  });
}

/** True where a byte of the access lies between the ports. */
export function reaches({ port, width }: PortAccess, from: number, to: number): boolean {
  return port <= to && port + width / 8 > from;
}

/** True where the write has a byte for the port with one of the bits. */
export function writes({ direction, port, width, value }: PortAccess, to: number, bits: number): boolean {
  const lane = to - port;
  return direction === "out" && lane >= 0 && lane < width / 8 && ((value >>> (8 * lane)) & bits) !== 0;
}
