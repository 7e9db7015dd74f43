// How fast other tools' logs become traces, in CPU time, and with how much memory.
//
//   node packages/tracer/bench/import.bench.mjs            lines a second for each format
//   node packages/tracer/bench/import.bench.mjs --memory   peak memory of importing 10^6 and 10^7 lines of QEMU's log
import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessAt, BatchBuilder, importFormats, importTrace, plainAccess, recogniseLog } from "../dist/index.js";
import { INFO, synthetic } from "./streams.mjs";

const SIZES = [1e6, 1e7];
const LINES = 200_000;
const PIECE = 1 << 20;

const imported = async (bytes, sink, format) => {
  const log = await recogniseLog(bytes, format);
  return importTrace(log, sink, { info: { ...INFO, clock: log.facts.clock } });
};

const [mode, size] = process.argv.slice(2);
if (mode === "--once") await once(Number(size));
else if (mode === "--memory")
  for (const lines of SIZES)
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--once", String(lines)], { stdio: "inherit" });
else await compare();

/** Lines of each format for an access, as the tools write them. */
function writers() {
  const hex = (n) => n.toString(16);
  const stamp = (time, digits) =>
    `${Math.floor(time / 1e9) + 600}.${String(time % 1e9)
      .padStart(9, "0")
      .slice(0, digits)}`;
  const qemu = ({ direction, vcpu, port, value, width }) =>
    `memory_region_ops_${direction === "out" ? "write" : "read"} cpu ${vcpu} mr 0x55984b276240 addr 0x${hex(port)} value 0x${hex(value)} size ${width / 8} name 'serial'`;
  return [
    ["qemu", "QEMU, no stamps", qemu],
    ["qemu", "QEMU, stamped", (access) => `26150@${stamp(access.time, 6)}:${qemu(access)}`],
    [
      "kvm-pio",
      "kvm_pio, trace_pipe",
      ({ time, direction, port, width, value }) =>
        ` qemu-system-x86-15637   [001] .....   ${stamp(time, 6)}: kvm_pio: pio_${direction === "out" ? "write" : "read"} at 0x${hex(port)} size ${width / 8} count 1 val 0x${hex(value)} `,
    ],
    [
      "serialice",
      "SerialICE",
      ({ direction, port, width, value }) =>
        `0000.0002    RH.U    [f000:e062]   IO: ${direction === "out" ? "out" : " in"}${{ 8: "b", 16: "w", 32: "l" }[width]} ${hex(port).padStart(4, "0")} ${direction === "out" ? "<=" : "=>"} ${hex(value).padStart(width / 4, "0")}`,
    ],
    [
      "ndjson",
      "NDJSON",
      ({ seq, time, direction, port, width, value }) => JSON.stringify({ seq, time, direction, port, width, value }),
    ],
    ["plain", "plain text", (access) => plainAccess(access, "us")],
  ];
}

function textOf(write, lines) {
  const text = [];
  for (const batch of synthetic(lines))
    for (let row = 0; row < batch.length; row++) text.push(write(accessAt(batch, row)));
  return Buffer.from(`${text.slice(0, lines).join("\n")}\n`);
}

async function* pieces(bytes, times) {
  for (let i = 0; i < times; i++) for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

async function compare() {
  console.log(`${LINES.toLocaleString("en")} lines; Node ${process.version}\n`);
  console.log("                     bytes a line   read M lines/s   as a trace M lines/s");
  for (const [name, title, write] of writers()) {
    const bytes = textOf(write, LINES);
    const format = importFormats.find((one) => one.name === name);
    const read = await best(() => {
      const importer = format.open(new BatchBuilder(() => {}), {}, { clock: "us" });
      for (let at = 0; at < bytes.length; at += PIECE) importer.push(bytes.subarray(at, at + PIECE));
      importer.end();
      check(importer.counts, LINES);
    });
    const trace = await best(async () => {
      const sink = { write: () => Promise.resolve() };
      check((await imported(pieces(bytes, 1), sink, format)).counts, LINES);
    });
    const numbers = [bytes.length / LINES, LINES / read / 1000, LINES / trace / 1000].map((n, i) =>
      n.toFixed(i === 0 ? 0 : 2),
    );
    console.log(title.padEnd(21) + numbers.map((n, i) => n.padStart([12, 17, 23][i])).join(""));
  }
}

function check({ lines, other, malformed }, expected) {
  if (lines !== expected || other + malformed > 0)
    throw new Error(`${lines} lines, ${other} other, ${malformed} malformed`);
}

/** Milliseconds of CPU time: the best of several rounds. */
async function best(work) {
  let least = Infinity;
  for (let round = 0, begin = performance.now(); round < 4 || performance.now() - begin < 1500; round++) {
    const start = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

async function once(lines) {
  const bytes = textOf(writers()[1][2], 100_000);
  const folder = await mkdtemp(join(tmpdir(), "portrait-bench-"));
  try {
    const file = await open(join(folder, "trace.pio"), "w");
    const start = performance.now();
    const report = await imported(pieces(bytes, lines / 100_000), { write: (data) => file.appendFile(data) });
    const seconds = (performance.now() - start) / 1000;
    await file.close();
    check(report.counts, lines);
    const peak = Math.round(process.resourceUsage().maxRSS / 1024);
    const megabytes = (bytes.length * lines) / 100_000 / 1e6;
    console.log(
      `${lines.toExponential(0)} lines, ${megabytes.toFixed(0)} MB: peak ${peak} MiB, ${seconds.toFixed(1)} s`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
