import type { Width } from "@portrait/tracer";

/** One access to carry out. `value` is what an OUT writes. */
export type PortOperation =
  | { readonly direction: "out"; readonly port: number; readonly width: Width; readonly value: number }
  | { readonly direction: "in"; readonly port: number; readonly width: Width };

/** Anything that takes IN and OUT: a machine, QEMU over qtest, `/dev/port`, a script being written. */
export interface PortTarget {
  /** What it is, for messages: `v86 "guest.bin"`, `qtest:/run/q.sock`. */
  readonly name: string;
  /** True where reads give 0 whatever stands there. */
  readonly blind?: true;
  /**
   * Carries the operations out in order and gives, for each, the value read (0 for an OUT), unsigned. A target may send
   * them all ahead and collect the answers afterwards. Rejects with a {@link PortTargetError} if it breaks off.
   */
  perform(operations: readonly PortOperation[]): Promise<readonly number[]>;
}

/** A port target that could not carry an operation out. */
export class PortTargetError extends Error {
  override readonly name = "PortTargetError";
  readonly code = "PORT_TARGET";
}
