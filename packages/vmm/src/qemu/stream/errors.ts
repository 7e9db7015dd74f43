/**
 * Why a migration stream cannot be read. `TRUNCATED`: it ends too early. `VERSION`: something this code does not know. `FORMAT`: it is damaged,
 * or no migration stream.
 */
export type StreamErrorCode = "TRUNCATED" | "VERSION" | "FORMAT";

/** A migration stream that cannot be read, and the byte at which that shows. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly code: StreamErrorCode;
  /** Bytes from the start of the stream. */
  readonly offset: number;

  constructor(code: StreamErrorCode, offset: number, what: string, options?: ErrorOptions) {
    super(`QEMU migration stream, byte ${offset}: ${what}`, options);
    this.code = code;
    this.offset = offset;
  }
}
