import { PortTargetError, type PortOperation, type PortTarget } from "@portrait/replayer";
import { messageOf } from "@portrait/tracer";
import type { V86Ports } from "./ports.ts";

/** The ports of a machine as a target; `exclusively` runs the accesses on the stopped machine or throws. */
export function portTarget(name: string, ports: V86Ports, exclusively: <T>(action: () => T) => T): PortTarget {
  return {
    name,
    perform: async (operations) => {
      try {
        return exclusively(() => operations.map((operation) => perform(ports, operation)));
      } catch (cause) {
        throw new PortTargetError(`${name}: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

function perform(ports: V86Ports, operation: PortOperation): number {
  const { port, width } = operation;
  if (operation.direction === "in") {
    return width === 8 ? ports.in8(port) : width === 16 ? ports.in16(port) : ports.in32(port);
  }
  const write = width === 8 ? ports.out8 : width === 16 ? ports.out16 : ports.out32;
  write(port, operation.value);
  return 0;
}
