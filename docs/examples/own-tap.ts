import { open } from "node:fs/promises";
import { BatchBuilder, opOf, TraceWriter, type TraceInfo, type Width } from "@portrait/tracer";

/** What the trace says of itself. */
const INFO: TraceInfo = {
  clock: "us",
  startedAt: BigInt(Date.now()) * 1_000_000n,
  machine: { engine: "my emulator", engineVersion: "1.0", guest: "boot.img", host: "", decodesAliases: false },
  command: ["my-emulator", "boot.img"],
  fromReset: true,
  ports: [],
  descriptions: [],
};

/** What an emulator calls at each access to a port. */
export interface Tap {
  out(port: number, width: Width, value: number): void;
  in(port: number, width: Width, value: number): void;
}

/** Records what `run` does on the tap it is given. */
export async function record(path: string, run: (tap: Tap) => void): Promise<void> {
  const file = await open(path, "w");
  const writer = new TraceWriter({ write: (bytes) => file.appendFile(bytes) }, INFO);
  const written: Promise<void>[] = [];
  const builder = new BatchBuilder((batch) => written.push(writer.write(batch)));
  const start = performance.now();
  const now = () => Math.round((performance.now() - start) * 1e6);
  run({
    out: (port, width, value) => builder.push(now(), port, opOf("out", width), value),
    in: (port, width, value) => builder.push(now(), port, opOf("in", width), value),
  });
  builder.flush();
  await Promise.all(written);
  await writer.close();
  await file.close();
}
