/**
 * Why a migration, checkpoint or restore did not happen.
 * `UNKNOWN_STATE`: registers nobody knows, refused for safety. `FORMAT`: the image is damaged or not one. `MISMATCH`: the machine
 * cannot take it. `VERIFY`: device state differs after the plan. `PEER`: the other side went away. `DECLINED`: it said that it does not take the guest.
 * `GIVEN_UP`: the guest may run at its destination, and must not at its source. `TIMEOUT`: nothing came.
 */
export type MigrationErrorCode =
  "UNKNOWN_STATE" | "FORMAT" | "MISMATCH" | "VERIFY" | "PEER" | "DECLINED" | "GIVEN_UP" | "TIMEOUT";

/** A migration that did not happen; the source is as it was. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly code: MigrationErrorCode;

  constructor(code: MigrationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
