import type { Risk } from "@portrait/classifier";
import type { Width } from "@portrait/tracer";

/** What every step of a plan says of itself. */
export interface PlanStepReason {
  /** Name of the device instance. */
  readonly device: string;
  readonly register: string;
  /**
   * Sequence numbers of the observed accesses it repeats; empty for a step that only reaches or leaves a selector, that was
   * read at the source, or that comes from the plan which brought the guest to this machine.
   */
  readonly from: readonly number[];
  readonly why: string;
  readonly risk: Risk;
}

/** Bits that a read must give, or the plan is not for this machine. */
export interface Expected {
  readonly mask: number;
  readonly value: number;
}

/** One step of a plan: a write, a read made for its side effect or to see what stands there, or answers to be read away. */
export type PlanStep = PlanStepReason &
  (
    | { readonly op: "out"; readonly port: number; readonly width: Width; readonly value: number }
    | { readonly op: "in"; readonly port: number; readonly width: Width; readonly expect?: Expected | undefined }
    | {
        readonly op: "drain";
        /** Port of the status register and the bits of it that say an answer waits. */
        readonly status: number;
        readonly mask: number;
        /** Bits of it that say the device is not ready to be asked; 0: it always is. */
        readonly busy: number;
        /** Port the answer is read from. */
        readonly port: number;
        readonly width: Width;
        /** Answers read at the most. */
        readonly limit: number;
      }
  );

/** An interrupt that a plan makes pending again, after everything else. */
export interface RepeatedInterrupt {
  readonly irq: number;
  /** Name of the device instance that asks for it. */
  readonly device: string;
  readonly why: string;
}

/** The ordered accesses that bring a fresh machine's devices to the known state. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  readonly interrupts: readonly RepeatedInterrupt[];
  /** Registers whose state is not known, each with the reason. */
  readonly unknown: readonly { readonly device: string; readonly register: string; readonly reason: string }[];
  /** State no port write restores, of the devices concerned. */
  readonly unreachable: readonly { readonly device: string; readonly what: string; readonly reason: string }[];
  readonly counts: {
    /** Accesses the classifier saw. */
    readonly accesses: number;
    /** Of these, the ones the plan repeats. */
    readonly kept: number;
    readonly steps: number;
  };
}
