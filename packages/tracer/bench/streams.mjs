// Where the benchmarks take their accesses from.
import { open } from "node:fs/promises";
import { BatchBuilder, fileSource, TraceReader } from "../dist/index.js";

/** A header that says nothing. */
export const INFO = {
  clock: "us",
  startedAt: undefined,
  machine: { engine: "", engineVersion: "", guest: "", host: "", decodesAliases: false },
  command: [],
  fromReset: true,
  ports: [],
  descriptions: [],
};

/** A batch that stays valid. */
function kept(batch) {
  const { length } = batch;
  const columns = ["time", "port", "op", "value", "vcpu"].map((name) => [name, batch[name].slice(0, length)]);
  return { ...batch, ...Object.fromEntries(columns) };
}

/** All batches of a trace file. */
export async function readFile(path) {
  const file = await open(path);
  try {
    const reader = await TraceReader.open(fileSource(file));
    const batches = [];
    for await (const batch of reader.batches()) batches.push(kept(batch));
    return batches;
  } finally {
    await file.close();
  }
}

/**
 * Accesses in the proportions of a Linux boot with a serial console: characters sent after polling the line status, timer
 * interrupts, reads of port 61h, some CMOS and PCI configuration, all with jitter. Calls `sink` with each batch.
 */
export function synthesize(count, sink) {
  const builder = new BatchBuilder(sink);
  const text = "[    0.123456] pci 0000:00:01.1: legacy IDE quirk: reg 0x10: [io 0x01f0-0x01f7]\r\n";
  let seed = 1;
  const random = (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 4294967296) * below);
  };
  let time = 0;
  const access = (port, op, value) =>
    builder.push((time += 2000 + random(2) * 1000 + (random(40) === 0 ? 25_000 : 0)), port, op, value);
  for (let i = 0, letter = 0; builder.nextSeq < count; i++) {
    for (let burst = 0; burst < 16; burst++) {
      access(0x3f8, 1, text.charCodeAt(letter++ % text.length));
      access(0x3fd, 0, 0x60);
    }
    if (i % 4 === 0) for (const [port, op, value] of [[0x21, 1, 0xb9], [0x20, 1, 0x60], [0x3fa, 0, 0xc2], [0x21, 1, 0xb8]]) access(port, op, value); // prettier-ignore
    for (let polls = random(24); polls > 0; polls--) access(0x61, 0, 0x20 | (random(16) === 0 ? 0x10 : 0));
    if (i % 16 === 0) {
      const index = random(128);
      access(0x70, 1, index);
      access(0x71, random(2), random(256));
      access(0xcf8, 5, 0x80000000 + ((i * 4) % 0x10000));
      access(0xcfc, 4, random(4) === 0 ? random(0xffffffff) : 0xffffffff);
      access(0x42, 0, random(256));
    }
  }
  builder.flush();
}

/** Batches of {@link synthesize}. */
export function synthetic(count) {
  const batches = [];
  synthesize(count, (batch) => batches.push(kept(batch)));
  return batches;
}
