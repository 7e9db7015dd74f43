// Size and speed of the .pio format beside other ways to store the same accesses, as ratios.
//
//   node packages/tracer/bench/format.bench.mjs [FILE.pio]   a recorded trace; without one, 500,000 synthetic accesses
//   node packages/tracer/bench/format.bench.mjs --memory     peak memory of writing and reading 10^6, 10^7, 10^8 accesses
import { bufferSource, TraceReader, TraceWriter } from "../dist/index.js";
import { blocks } from "../dist/lz4/block.js";
import { fixed, messages, text } from "./contenders.mjs";
import { INFO, readFile, synthetic } from "./streams.mjs";

const [argument] = process.argv.slice(2);
if (argument === "--memory") await import("./memory.mjs");
else await compare(argument);

async function compare(path) {
  const batches = path === undefined ? synthetic(500_000) : await readFile(path);
  const accesses = batches.reduce((sum, { length }) => sum + length, 0);
  const data = batches.flatMap((b) => b.strings).reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0);
  console.log(
    `${path ?? "synthetic boot"}: ${accesses.toLocaleString("en")} accesses; lz4: ${blocks.name}; Node ${process.version}`,
  );
  if (data > 0) console.log(`${data.toLocaleString("en")} bytes of string payload, in the .pio only`);

  const pio = await measurePio(batches, accesses);
  const rows = [pio];
  for (const contender of [text, fixed, messages]) rows.push(await measure(contender, batches, accesses));
  console.log("\n                       B/access  ×.pio    write M/s  .pio ×    read M/s  .pio ×");
  for (const r of rows) {
    const numbers = [r.bytes, r.bytes / pio.bytes, r.write, pio.write / r.write, r.read, pio.read / r.read];
    const cells = numbers.map((n, i) => n.toFixed(i === 0 ? 2 : 1));
    console.log(r.name.padEnd(22) + cells.map((cell, i) => cell.padStart([9, 7, 13, 8, 12, 8][i])).join(""));
  }
}

async function measurePio(batches, accesses) {
  const pieces = [];
  const write = async (keep) => {
    const writer = new TraceWriter({ write: async (bytes) => void (keep && pieces.push(bytes)) }, INFO);
    for (const batch of batches) await writer.write({ ...batch, firstSeq: writer.nextSeq });
    await writer.close();
  };
  const read = async () => {
    const reader = await TraceReader.open(bufferSource(file));
    let length = 0;
    for await (const batch of reader.batches()) length += batch.length;
    if (length !== accesses) throw new Error(`${length} accesses instead of ${accesses}`);
  };
  await write(true);
  const file = Buffer.concat(pieces);
  return {
    name: ".pio",
    bytes: file.length / accesses,
    write: await speed(accesses, () => write(false)),
    read: await speed(accesses, read),
  };
}

async function measure({ encode, decode, name }, batches, accesses) {
  const encoded = batches.map(encode);
  return {
    name,
    bytes: encoded.reduce((sum, { length }) => sum + length, 0) / accesses,
    write: await speed(accesses, () => batches.forEach(encode)),
    read: await speed(accesses, () => encoded.forEach(decode)),
  };
}

/** Millions of accesses per second: the best of several rounds, after one to warm up. */
async function speed(accesses, work) {
  let best = Infinity;
  for (let round = 0, begin = performance.now(); round < 3 || performance.now() - begin < 1000; round++) {
    const start = performance.now();
    await work();
    if (round > 0) best = Math.min(best, performance.now() - start);
  }
  return accesses / best / 1000;
}
