import { Duplex } from "node:stream";

/** Pieces that wait to be read before whoever writes waits as well. */
const WAITING = 4;

/** One end of a connection in memory. The other end reads the very pieces that are written here, uncopied. */
class End extends Duplex {
  #other: End | undefined;
  /** Lets the other end write on. */
  #goOn: (() => void) | undefined;

  constructor() {
    super({ readableObjectMode: true, readableHighWaterMark: WAITING });
    // Whoever reads or writes sees the failure; ending a connection early must not be an error of its own.
    this.on("error", () => undefined);
  }

  connect(other: End): void {
    this.#other = other;
  }

  /** Takes what the other end wrote; `goOn` is called once it may write on. */
  accept(piece: Uint8Array, goOn: () => void): void {
    if (this.push(piece)) goOn();
    else this.#goOn = goOn;
  }

  override _read(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  override _write(piece: Uint8Array, _encoding: BufferEncoding, written: () => void): void {
    this.#other?.accept(piece, written);
  }

  override _final(ended: () => void): void {
    this.#other?.push(null);
    ended();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.#other?.destroy();
    destroyed(error);
  }
}

/** Two ends of a connection in memory. Where one is destroyed, so is the other. */
export function duplexPair(): [Duplex, Duplex] {
  const [near, far] = [new End(), new End()];
  near.connect(far);
  far.connect(near);
  return [near, far];
}
