import { open } from "node:fs/promises";
import { fileSource, isOut, TraceReader } from "@portrait/tracer";

/** Writes to each port, from a trace of any length. */
export async function writesByPort(path: string): Promise<ReadonlyMap<number, number>> {
  const file = await open(path);
  const counts = new Map<number, number>();
  try {
    const reader = await TraceReader.open(fileSource(file));
    for await (const { length, port, op } of reader.batches()) {
      for (let row = 0; row < length; row++) {
        if (isOut(op[row] ?? 0)) counts.set(port[row] ?? 0, (counts.get(port[row] ?? 0) ?? 0) + 1);
      }
    }
    for (const { offset, reason } of reader.problems) console.error(`${path}: byte ${offset}: ${reason}`);
  } finally {
    await file.close();
  }
  return counts;
}
