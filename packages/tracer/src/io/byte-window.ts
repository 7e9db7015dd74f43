import type { ByteSource } from "./byte-source.ts";

const READ_AHEAD = 256 * 1024;

/** Small reads from a source, served from one larger read. */
export class ByteWindow {
  readonly #source: ByteSource;
  #offset = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** `length` bytes from `offset`, fewer only at the end of the source; valid until the next call. */
  async view(offset: number, length: number): Promise<Uint8Array> {
    const at = offset - this.#offset;
    if (at >= 0 && at + length <= this.#bytes.length) return this.#bytes.subarray(at, at + length);
    this.#bytes = await this.#source.read(offset, Math.max(length, READ_AHEAD));
    this.#offset = offset;
    return this.#bytes.subarray(0, length);
  }
}
