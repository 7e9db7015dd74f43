import type { PortAccess } from "./accesses.ts";

/** Accesses that sequences do not have, because nothing can be compared after them. */
export interface Exclusion {
  readonly why: string;
  /** The sequence without them; where only some bits are meant, with others in their place. */
  readonly without: (accesses: readonly PortAccess[]) => readonly PortAccess[];
}

/** A sequence without what is left out, and how many accesses each reason took. */
export interface Shortened {
  readonly accesses: readonly PortAccess[];
  readonly left: ReadonlyMap<string, number>;
}

/** Leaves out what the exclusions say, until none of them finds anything: what one leaves out may be what kept another from it. */
export function shorten(sequence: readonly PortAccess[], exclusions: readonly Exclusion[]): Shortened {
  const left = new Map<string, number>();
  let accesses = sequence;
  // Each time an access goes, or a bit of one.
  let changes = sequence.length * 33;
  for (let before: typeof accesses | undefined; before !== accesses;) {
    before = accesses;
    for (const { why, without } of exclusions) {
      const rest = without(accesses);
      const changed = rest.filter((access, i) => access !== accesses[i]).length;
      const gone = rest.length < accesses.length ? accesses.length - rest.length : changed;
      if (gone === 0) continue;
      if (changes-- === 0) throw new Error(`the exclusion "${why}" never gives back the accesses it was given`);
      left.set(why, (left.get(why) ?? 0) + gone);
      accesses = rest;
    }
  }
  return { accesses, left };
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
