/**
 * What went wrong with a QEMU. `CONNECT`: nobody answers at the socket. `CLOSED`: the connection ended. `PROTOCOL`: the other side is not what it
 * should be. `COMMAND`: QEMU refused a command. `TIMEOUT`: no answer in time. `VERSION`: a version this code does not know. `BUSY`: somebody
 * else is at work on it. `START`: it ended before it could be used.
 */
export type QemuErrorCode = "CONNECT" | "CLOSED" | "PROTOCOL" | "COMMAND" | "TIMEOUT" | "VERSION" | "BUSY" | "START";

/** A QEMU that did not do what was asked. */
export class QemuError extends Error {
  override readonly name = "QemuError";
  readonly code: QemuErrorCode;

  constructor(code: QemuErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** True of a QEMU that did not answer in time. */
export function isTimeout(error: unknown): boolean {
  return error instanceof QemuError && error.code === "TIMEOUT";
}
