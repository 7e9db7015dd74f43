import type { PortAccess } from "./accesses.ts";

/** Accesses that sequences do not have, because nothing can be compared after them. */
export interface Exclusion {
  readonly why: string;
  /** The sequence without them; where only some bits are meant, with others in their place. */
  readonly without: (accesses: readonly PortAccess[]) => readonly PortAccess[];
}

/** A byte that goes to or comes from a port, also as part of a wider access. */
export interface ByteAccess {
  /** Position of the access. */
  readonly at: number;
  readonly direction: PortAccess["direction"];
  readonly port: number;
  readonly value: number;
}

/** The accesses as a byte-wide bus sees them, low bytes first. */
export function bytesOf(accesses: readonly PortAccess[]): ByteAccess[] {
  return accesses.flatMap(({ direction, port, width, value }, at) =>
    Array.from({ length: width / 8 }, (_, lane) => ({
      at,
      direction,
      port: port + lane,
      value: (value >>> (8 * lane)) & 0xff,
    })),
  );
}

/** Leaves out the accesses of which `test` takes a byte. */
export function withoutBytes(
  accesses: readonly PortAccess[],
  test: (byte: ByteAccess) => boolean,
): readonly PortAccess[] {
  const found = new Set(bytesOf(accesses).flatMap((byte) => (test(byte) ? [byte.at] : [])));
  return found.size === 0 ? accesses : accesses.filter((_, at) => !found.has(at));
}

/** Leaves out the writes of which `test` takes a byte. */
export function withoutWrites(why: string, test: (port: number, value: number) => boolean): Exclusion {
  return {
    why,
    without: (accesses) =>
      withoutBytes(accesses, ({ direction, port, value }) => direction === "out" && test(port, value)),
  };
}
