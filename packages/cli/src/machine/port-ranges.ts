import { InvalidArgumentError } from "commander";
import { BatchBuilder, directionOf, isString, widthOf, type AccessBatch, type TraceWriter } from "@portrait/tracer";

/** Ports from the first to the last, both included. */
export type PortRange = readonly [first: number, last: number];

/** `0x20..0x21,0x40,0x3f8..0x3ff`. Throws InvalidArgumentError. */
export function parsePorts(text: string): PortRange[] {
  return text.split(",").map((part) => {
    const match = /^\s*(0x[0-9a-f]+|\d+)(?:\.\.(0x[0-9a-f]+|\d+))?\s*$/i.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > 0xffff) {
      throw new InvalidArgumentError(`Expected ports such as 0x20..0x21,0x40; "${part}" is not one.`);
    }
    return [first, last] as const;
  });
}

/** A writer's face that takes only the accesses to some ports; they are numbered anew. */
export function keepPorts(
  writer: Pick<TraceWriter, "write" | "flush">,
  ranges: readonly PortRange[],
): Pick<TraceWriter, "write" | "flush"> {
  const wanted = new Uint8Array(0x10000);
  for (const [first, last] of ranges) wanted.fill(1, first, last + 1);
  let work: Promise<void> = Promise.resolve();
  const builder = new BatchBuilder((batch) => {
    work = writer.write(batch);
  });
  return {
    write: async (batch) => {
      pushWanted(builder, batch, wanted);
      builder.flush();
      await work;
    },
    flush: () => writer.flush(),
  };
}

function pushWanted(builder: BatchBuilder, batch: AccessBatch, wanted: Uint8Array): void {
  let string = 0;
  for (let row = 0; row <= batch.length; row++) {
    for (const { index, time, text } of batch.markers) if (index === row) builder.marker(time, text);
    for (const { index, time, reason, lost } of batch.gaps) if (index === row) builder.gap(time, reason, lost);
    if (row === batch.length) return;
    const op = batch.op[row] ?? 0;
    const port = batch.port[row] ?? 0;
    const text = isString(op) ? batch.strings[string++] : undefined;
    if (wanted[port] !== 1) continue;
    const [time, value, vcpu] = [batch.time[row] ?? 0, batch.value[row] ?? 0, batch.vcpu[row] ?? 0];
    if (text === undefined) builder.push(time, port, op, value, vcpu);
    else builder.pushString(time, port, directionOf(op), widthOf(op), text.count, value, text.payload, vcpu);
  }
}
