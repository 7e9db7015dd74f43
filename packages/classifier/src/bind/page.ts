import type { Binding, WindowBits } from "../description/model.ts";

/** A byte nothing was seen of. */
const UNSEEN = -1;

/** What was seen of one page of a window, byte by byte. */
export class Page {
  readonly address: number;
  readonly #bytes: Int16Array;

  /** `address` of its first byte in the window; `reset` where a byte that was not written holds 0. */
  constructor(address: number, size: number, reset: boolean) {
    this.address = address;
    this.#bytes = new Int16Array(size).fill(reset ? 0 : UNSEEN);
  }

  /** Takes a byte; undefined where it was not observed. */
  put(at: number, byte: number | undefined): void {
    this.#bytes[at] = byte ?? UNSEEN;
  }

  /** A byte; undefined where nothing was seen of it. */
  byte(at: number): number | undefined {
    const byte = this.#bytes[at] ?? UNSEEN;
    return byte === UNSEEN ? undefined : byte;
  }

  /** Nothing is known of these bytes any more. */
  forget({ at, mask }: WindowBits): void {
    for (const lane of lanesOf(mask)) this.#bytes[at + lane] = UNSEEN;
  }

  /** The masked bits of a dword; undefined where a byte of them was not seen. */
  bits({ at, mask }: WindowBits): number | undefined {
    let value = 0;
    for (const lane of lanesOf(mask)) {
      const byte = this.byte(at + lane);
      if (byte === undefined) return undefined;
      value |= byte << (8 * lane);
    }
    return (value & mask) >>> 0;
  }

  /** Whether the page shows what the binding asks for; undefined where what was seen does not say. */
  shows({ shows }: Binding): boolean | undefined {
    let all: boolean | undefined = true;
    for (const { at, mask, is } of shows) {
      for (const lane of lanesOf(mask)) {
        const part = (mask & (0xff << (8 * lane))) >>> 0;
        const bits = this.bits({ at, mask: part });
        if (bits === undefined) all = undefined;
        else if (bits !== (is & part) >>> 0) return false;
      }
    }
    return all;
  }
}

/** The bytes of a dword that a mask has bits in. */
export function lanesOf(mask: number): number[] {
  return [0, 1, 2, 3].filter((lane) => ((mask >>> (8 * lane)) & 0xff) !== 0);
}
