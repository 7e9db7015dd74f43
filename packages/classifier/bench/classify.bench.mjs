// Speed of the classifier on the boots of fixtures/qemu-boots, in accesses per second of CPU time.
//
//   node packages/classifier/bench/classify.bench.mjs [FILE.pio…]   recorded traces instead
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bufferSource, TraceReader } from "@portrait/tracer";
import { builtinDescriptions, Classifier, classifiedColumns, loadLibrary } from "../dist/index.js";

const BOOTS = fileURLToPath(new URL("../../../fixtures/qemu-boots/", import.meta.url));
const ROUNDS = 9;
/** Accesses of one round, at the least. */
const ROUND = 500_000;

const arguments_ = process.argv.slice(2);
const boots = readdirSync(BOOTS).filter((name) => name.endsWith(".pio"));
const files = arguments_.length > 0 ? arguments_ : boots.map((name) => join(BOOTS, name));
const library = loadLibrary(builtinDescriptions(), { aliases: false });

console.log(`M accesses/s of CPU time, least, median and most of ${ROUNDS} rounds; Node ${process.version}\n`);
for (const file of files) {
  const batches = await readBatches(file);
  const plain = rates(batches, false).map((rate) => rate.toFixed(1).padStart(6));
  const explained = rates(batches, true).map((rate) => rate.toFixed(1).padStart(6));
  console.log(`${basename(file).padEnd(24)}${plain.join("")}   with criteria${explained.join("")}`);
}

async function readBatches(file) {
  const reader = await TraceReader.open(bufferSource(readFileSync(file)));
  const batches = [];
  for await (const batch of reader.batches()) batches.push(batch);
  return batches;
}

function rates(batches, criteria) {
  const columns = classifiedColumns(Math.max(...batches.map(({ length }) => length)), { criteria });
  const all = Array.from({ length: ROUNDS + 1 }, () => rateOf(batches, columns));
  // The first round warms up.
  const [least, ...rest] = all.slice(1).sort((a, b) => a - b);
  return [least, rest[Math.floor(rest.length / 2) - 1], rest.at(-1)];
}

function rateOf(batches, columns) {
  const before = process.cpuUsage();
  let accesses = 0;
  while (accesses < ROUND) {
    const classifier = new Classifier(library, { fromReset: true });
    for (const batch of batches) classifier.feed(batch, columns);
    accesses += classifier.accesses;
  }
  return accesses / process.cpuUsage(before).user;
}
