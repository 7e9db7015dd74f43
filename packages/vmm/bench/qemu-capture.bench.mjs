// What being captured costs a QEMU's guest: the time of the same work unwatched, captured, and logged by QEMU itself; best of three, as ratios.
// And how fast the log is read, in time of the CPU.
//
//   node packages/vmm/bench/qemu-capture.bench.mjs       needs qemu-system-x86_64; boots Linux if scripts/debian-linux.mjs has made it
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BatchBuilder, QemuLog, TraceWriter } from "@portrait/tracer";
import { QemuCapture, QmpClient } from "../dist/index.js";

const RUNS = 3;
const ACCESSES = 300_000;
const INFO = {
  clock: "us",
  startedAt: undefined,
  machine: { engine: "qemu", engineVersion: "", guest: "", host: "", decodesAliases: false },
  command: [],
  fromReset: true,
  ports: [],
  descriptions: [],
};

const folder = mkdtempSync(join(tmpdir(), "portrait-bench-"));
try {
  parserSpeed();
  for (const work of [portLoop(), linuxBoot()]) {
    if (work === undefined) console.log("\nLinux boot: left out, node scripts/debian-linux.mjs makes the guest");
    else await compare(work);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function parserSpeed() {
  const line = (stamp, i) =>
    `${stamp}memory_region_ops_${i % 2 ? "read" : "write"} cpu 0 mr 0x55bd1c1e4a50 addr 0x${(i % 1024).toString(16)} value 0x${(i % 251).toString(16)} size 1 name 'pic'\n`;
  console.log("reading the log, million lines a second of CPU time");
  for (const [name, stamp] of [
    ["without stamps", ""],
    ["with stamps", "4711@1700000000.123456:"],
  ]) {
    const piece = Buffer.from(Array.from({ length: 550 }, (_, i) => line(stamp, i)).join(""));
    const best = Math.max(...Array.from({ length: RUNS }, () => linesPerSecond(piece)));
    console.log(`  ${name.padEnd(20)}${(best / 1e6).toFixed(1).padStart(6)}`);
  }
}

function linesPerSecond(piece) {
  const log = new QemuLog(new BatchBuilder(() => {}));
  const before = process.cpuUsage();
  for (let i = 0; i < 4000; i++) log.push(piece, i);
  const { user, system } = process.cpuUsage(before);
  return (log.counts.accesses / (user + system)) * 1e6;
}

/** A guest that does nothing but write to a port where nothing is, then makes QEMU exit. */
function portLoop() {
  const image = join(folder, "loop.bin");
  const code = Buffer.alloc(0x10000, 0xf4);
  const count = [0, 8, 16, 24].map((shift) => (ACCESSES >>> shift) & 0xff);
  // next: mov dx, 500h; out dx, al; dec ecx; jnz next; out F4h, al
  code.set([0x66, 0xb9, ...count, 0xba, 0x00, 0x05, 0xee, 0x66, 0x49, 0x75, 0xf8, 0xe6, 0xf4], 0);
  code.set([0xea, 0x00, 0x00, 0x00, 0xf0], 0xfff0);
  writeFileSync(image, code);
  const exit = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"];
  return {
    name: `${ACCESSES.toLocaleString("en")} port writes on end`,
    options: ["-m", "16", "-bios", image, ...exit],
  };
}

/** Debian's cloud kernel up to its shell. */
function linuxBoot() {
  const file = (name) => fileURLToPath(new URL(`../../../.cache/debian-linux-amd64/${name}`, import.meta.url));
  if (!existsSync(file("versions.json"))) return undefined;
  const append = "console=ttyS0 noapic nolapic acpi=off pci=off nosmp panic=-1";
  const options = [
    "-m",
    "128",
    "-cpu",
    "qemu64",
    "-kernel",
    file("kernel"),
    "-initrd",
    file("initrd"),
    "-append",
    append,
  ];
  return { name: "Linux boot", options: [...options, "-serial", "stdio"], until: "guest ready" };
}

async function compare(work) {
  const kinds = { unwatched: [], captured: [], "QEMU's own log": [] };
  for (let i = 0; i < RUNS; i++) for (const kind of Object.keys(kinds)) kinds[kind].push(await run(work, kind));
  const best = (kind) => kinds[kind].reduce((a, b) => (b.ms < a.ms ? b : a));
  console.log(`\n${work.name}: time until done, best of ${RUNS}`);
  for (const kind of Object.keys(kinds)) {
    const { ms, note } = best(kind);
    console.log(
      `  ${kind.padEnd(20)}${ms.toFixed(0).padStart(7)} ms  ×${(ms / best("unwatched").ms).toFixed(2)}  ${note}`,
    );
  }
}

async function run({ options, until }, kind) {
  const socket = join(folder, "qmp");
  const log = join(folder, "log");
  const own = kind === "QEMU's own log" ? ["-trace", "memory_region_ops_*", "-D", log] : [];
  const args = ["-machine", "pc", "-nodefaults", "-display", "none", "-S", "-qmp", `unix:${socket},server=on,wait=off`];
  const qemu = spawn("qemu-system-x86_64", [...args, ...options, ...own], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(qemu, "exit");
  const done = until === undefined ? ended : printed(qemu.stdout, until);
  try {
    const client = await connect(socket);
    const capture = kind === "captured" ? await attach(client) : undefined;
    const start = performance.now();
    await client.execute("cont");
    await done;
    // What the guest has done is in the file as well.
    if (capture !== undefined) await capture.end();
    const ms = performance.now() - start;
    client.close();
    const lines = capture?.counts.lines ?? (own.length > 0 ? Math.round(statSync(log).size / 100) : 0);
    return { ms, note: noteOf(kind, lines, capture?.counts, ms) };
  } finally {
    qemu.kill("SIGKILL");
    await ended;
    rmSync(socket, { force: true });
    rmSync(log, { force: true });
  }
}

function noteOf(kind, lines, counts, ms) {
  if (kind === "unwatched") return "";
  if (counts === undefined) return `about ${(lines / 1e3).toFixed(0)} k lines`;
  const [ports, memory] = [counts.accesses, counts.memory].map((n) => `${(n / 1e3).toFixed(1)} k`);
  return `${ports} port and ${memory} memory accesses, ${((counts.lines / ms) * 1e-3).toFixed(2)} M lines/s`;
}

async function attach(client) {
  const writer = new TraceWriter({ write: () => Promise.resolve() }, INFO);
  const capture = await QemuCapture.attach(client, { writer, startedAt: Date.now() });
  return {
    end: async () => {
      await capture.detach();
      await writer.close();
    },
    get counts() {
      return capture.counts;
    },
  };
}

async function connect(socket) {
  for (let i = 0; i < 500; i++) {
    if (existsSync(socket)) return QmpClient.connect(socket);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("QEMU does not come up");
}

function printed(stream, text) {
  let all = "";
  return new Promise((resolve) =>
    stream.on("data", (bytes) => {
      all += bytes.toString("latin1");
      if (all.includes(text)) resolve();
    }),
  );
}
