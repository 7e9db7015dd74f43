import type { V86Cpu } from "./internals.ts";
import { webAssembly } from "./web-assembly.ts";

/** Table entries below this are v86's own functions (WASM_TABLE_OFFSET, src/const.js). */
const TABLE_OFFSET = 1024;
/** Table entries for compiled guest code (WASM_TABLE_SIZE, src/const.js). */
const TABLE_SIZE = 900;

/** Length of v86's function table. */
export const WASM_TABLE_LENGTH = TABLE_OFFSET + TABLE_SIZE;

interface Job {
  readonly index: number;
  readonly start: number;
  readonly stateFlags: number;
  readonly code: Uint8Array;
}

/**
 * Makes v86 put its compiled guest code in use when the returned function is called, between two slices of the guest's
 * run, instead of whenever the host's compiler is done: the guest then runs the same way every time.
 */
export function compileBetweenSlices(cpu: V86Cpu): () => void {
  const jobs: Job[] = [];
  cpu.codegen_finalize = (index, start, stateFlags, pointer, length) => {
    const code = new Uint8Array(cpu.wasm_memory.buffer, pointer >>> 0, length >>> 0).slice();
    jobs.push({ index, start, stateFlags, code });
  };
  return () => {
    for (const { index, start, stateFlags, code } of jobs.splice(0)) {
      const instance = new webAssembly.Instance(new webAssembly.Module(code), { e: cpu.jit_imports });
      cpu.wm.wasm_table.set(TABLE_OFFSET + index, instance.exports["f"]);
      cpu.codegen_finalize_finished(index, start, stateFlags);
    }
  };
}
