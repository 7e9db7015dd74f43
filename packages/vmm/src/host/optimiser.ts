import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8 from compiling anew what has become hot, until what it gives is called. V8 compiles on threads of its own; while a guest stands
 * still they take processors from the QEMUs between which it moves.
 */
export function holdOptimiser(): () => void {
  setFlagsFromString("--no-opt");
  return () => setFlagsFromString("--opt");
}
