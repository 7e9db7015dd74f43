/** Where a trace is written, strictly one piece after the other. */
export interface ByteSink {
  /** Takes `bytes`, which stay untouched until the promise resolves; rejects when they cannot all be taken. */
  write(bytes: Uint8Array): Promise<void>;
}
