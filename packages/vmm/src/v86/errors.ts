/**
 * What went wrong, stable across versions: `V86_VERSION` the installed v86 is not the one this is written for;
 * `V86_GUEST` a guest image, kernel or option that cannot be booted; `V86_STATE` a CPU-and-memory state that does not
 * fit this machine; `V86_FAULT` the guest did something v86 does not model and the engine gave up.
 */
export type V86ErrorCode = "V86_VERSION" | "V86_GUEST" | "V86_STATE" | "V86_FAULT";

/** A v86 machine that cannot be made, restored or run on; the message says what to do next. */
export class V86Error extends Error {
  override readonly name = "V86Error";
  readonly code: V86ErrorCode;

  constructor(code: V86ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
