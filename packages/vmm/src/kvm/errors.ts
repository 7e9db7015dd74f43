/**
 * Why a KVM guest cannot be captured. `ROOT`: it needs root. `TRACEFS`: the kernel's tracing is not there or refuses. `KVM`: this host has no KVM.
 * `EVENT`: this kernel has no `kvm_pio` event that can be read here. `GUEST`: there is no such guest. `PAGE`: what the kernel gave is not what
 * it says it gives.
 */
export type KvmErrorCode = "ROOT" | "TRACEFS" | "KVM" | "EVENT" | "GUEST" | "PAGE";

/** A KVM guest that cannot be captured; the message says what to do. */
export class KvmError extends Error {
  override readonly name = "KvmError";
  readonly code: KvmErrorCode;

  constructor(code: KvmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
