// What keeping the newest 4 MiB of 10⁷ accesses costs: time for each, and memory, beside writing them all to nowhere.
//
//   node packages/vmm/bench/ring.bench.mjs
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { BATCH_CAPACITY, TraceWriter } from "@portrait/tracer";
import { TraceRing } from "../dist/index.js";
import { INFO, synthetic } from "../../tracer/bench/streams.mjs";

const ACCESSES = 1e7;
const LIMIT = 4 << 20;
const KINDS = { "written to nowhere": nowhere, "ring of 4 MiB": ring };

const kind = process.argv[2];
if (kind !== undefined && kind in KINDS) await once(kind);
else
  for (const name of Object.keys(KINDS)) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { stdio: "inherit" });
  }

async function once(name) {
  const target = KINDS[name]();
  const start = process.cpuUsage();
  await feed(target);
  const { user, system } = process.cpuUsage(start);
  const each = ((user + system) / ACCESSES) * 1000;
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  const kept = target.bytes > LIMIT && name.startsWith("ring") ? "; OVER ITS LIMIT" : "";
  console.log(`${name}: ${each.toFixed(0)} ns of CPU each, peak ${peak} MiB${kept}`);
}

function nowhere() {
  return new TraceWriter({ write: () => Promise.resolve() }, INFO);
}

function ring() {
  const library = loadLibrary(builtinDescriptions(), { aliases: false });
  return new TraceRing(INFO, LIMIT, new Classifier(library, { fromReset: true }));
}

/** The same sixty batches over and over, with times that go on. */
async function feed(target) {
  const batches = synthetic(60 * BATCH_CAPACITY);
  const period = batches.at(-1).time[batches.at(-1).length - 1] + 1000;
  for (let seq = 0; seq < ACCESSES;) {
    for (const batch of batches) {
      const length = Math.min(batch.length, ACCESSES - seq);
      if (length === 0) return;
      await target.write({ ...batch, length, firstSeq: seq });
      seq += length;
      for (let i = 0; i < batch.length; i++) batch.time[i] += period;
    }
  }
}
