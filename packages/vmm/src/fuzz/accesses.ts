import type { PlanStep, PortOperation } from "@portrait/replayer";
import { BatchBuilder, directionOf, isString, opOf, widthOf, type AccessBatch, type Width } from "@portrait/tracer";

/** One access of a sequence; `value` of an IN is what the machine gave. */
export interface PortAccess {
  readonly direction: "in" | "out";
  readonly port: number;
  readonly value: number;
  readonly width: Width;
}

/** An 8-bit OUT. */
export function out(port: number, value: number): PortAccess {
  return { direction: "out", port, value, width: 8 };
}

/** An 8-bit IN. */
export function read(port: number): PortAccess {
  return { direction: "in", port, value: 0, width: 8 };
}

/** As a port target takes it. */
export function operationOf({ direction, port, width, value }: PortAccess): PortOperation {
  return direction === "in" ? { direction, port, width } : { direction, port, width, value };
}

/** The accesses as one batch. */
export function batchOf(accesses: readonly PortAccess[]): AccessBatch {
  const batches: AccessBatch[] = [];
  const builder = new BatchBuilder((batch) => batches.push(batch), { capacity: accesses.length + 1 });
  for (const { port, direction, width, value } of accesses) builder.push(0, port, opOf(direction, width), value);
  builder.marker(0, "end");
  builder.flush();
  const [batch] = batches;
  if (batch === undefined) throw new Error("a batch with a marker was not handed on");
  return batch;
}

/** A batch's accesses that `accept` takes; string instructions are left out. */
export function recordedAccesses(batch: AccessBatch, accept: (port: number) => boolean): PortAccess[] {
  const accesses: PortAccess[] = [];
  for (let row = 0; row < batch.length; row++) {
    const [port, op] = [batch.port[row] ?? 0, batch.op[row] ?? 0];
    if (isString(op) || !accept(port)) continue;
    accesses.push({ direction: directionOf(op), port, width: widthOf(op), value: batch.value[row] ?? 0 });
  }
  return accesses;
}

/** One access a line: `out 20 11`. */
export function textOf(accesses: readonly PortAccess[]): string {
  return accesses.map(({ direction, port, width, value }) => line(direction, port, width, value)).join("\n");
}

/** One step a line, with the register and why. */
export function planText(steps: readonly PlanStep[]): string {
  return steps
    .map((step) => {
      const what =
        step.op === "drain"
          ? `drain ${hex(step.port)} while ${hex(step.status)} & ${hex(step.mask)}`
          : line(step.op, step.port, step.width, step.op === "out" ? step.value : 0);
      return `  ${what}  ${step.device}.${step.register}: ${step.why}`;
    })
    .join("\n");
}

function line(direction: string, port: number, width: Width, value: number): string {
  return `  ${direction}${width === 8 ? "" : width} ${hex(port)} ${hex(value)}`;
}

function hex(value: number): string {
  return value.toString(16);
}
