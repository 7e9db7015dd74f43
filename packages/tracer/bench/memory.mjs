// Peak memory of writing a synthetic trace to a file and reading it back, each size in a process of its own.
import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BATCH_CAPACITY, fileSource, TraceReader, TraceWriter } from "../dist/index.js";
import { INFO, synthetic } from "./streams.mjs";

const SIZES = [1e6, 1e7, 1e8];

if (process.argv[1] === fileURLToPath(import.meta.url)) await once(Number(process.argv[2]));
else
  for (const size of SIZES) spawnSync(process.execPath, [fileURLToPath(import.meta.url), size], { stdio: "inherit" });

async function once(accesses) {
  const folder = await mkdtemp(join(tmpdir(), "portrait-bench-"));
  const path = join(folder, "trace.pio");
  try {
    const start = performance.now();
    await write(path, accesses);
    const written = performance.now();
    const bytes = await read(path, accesses);
    const peak = Math.round(process.resourceUsage().maxRSS / 1024);
    const seconds = [written - start, performance.now() - written].map((ms) => (ms / 1000).toFixed(1));
    console.log(
      `${accesses.toExponential(0)} accesses, ${(bytes / 1e6).toFixed(1)} MB: peak ${peak} MiB, write ${seconds[0]} s, read ${seconds[1]} s`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The same sixty batches over and over, with times that go on. */
async function write(path, accesses) {
  const batches = synthetic(60 * BATCH_CAPACITY);
  const period = batches.at(-1).time[batches.at(-1).length - 1] + 1000;
  const file = await open(path, "w");
  const writer = new TraceWriter({ write: (bytes) => file.appendFile(bytes) }, INFO);
  while (writer.nextSeq < accesses) {
    for (const batch of batches) {
      const length = Math.min(batch.length, accesses - writer.nextSeq);
      await writer.write({ ...batch, length, firstSeq: writer.nextSeq });
      for (let i = 0; i < batch.length; i++) batch.time[i] += period;
    }
  }
  await writer.close();
  await file.close();
}

async function read(path, accesses) {
  const file = await open(path);
  const reader = await TraceReader.open(fileSource(file));
  let length = 0;
  for await (const batch of reader.batches()) length += batch.length;
  const { size } = await file.stat();
  await file.close();
  if (length !== accesses || reader.problems.length > 0) throw new Error(`${length} of ${accesses} accesses`);
  return size;
}
