// How long a guest stands still when it migrates from one QEMU to another while it writes memory: with Portrait, its devices rebuilt by
// ports, next to QEMU's own migration of the same guest, as it is by default and tuned for a short downtime. Downtime is from the last STOP
// of the source to RESUME of the destination, by the stamps of QEMU's own events.
//
//   node packages/vmm/bench/qemu-migration.bench.mjs       needs qemu-system-x86_64 and the guest that scripts/debian-linux.mjs makes
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { QmpClient } from "../dist/index.js";

const RUNS = 5;
const LINUX = fileURLToPath(new URL("../../../.cache/debian-linux-amd64/", import.meta.url));
const PORTRAIT = fileURLToPath(new URL("../../cli/bin/portrait.js", import.meta.url));
const APPEND = "console=ttyS0 noapic nolapic acpi=off pci=off nosmp panic=-1";
/** What the guest does meanwhile: counts, and writes a file of some 2 MB over and over. */
const WORK = "count 0.1 & while :; do cat /bin/busybox > /copy; done &\r";

const KINDS = {
  "portrait, pre-copy": (from, to) => portrait(from, to, ["--precopy"]),
  "portrait, stop-and-copy": (from, to) => portrait(from, to, []),
  "QEMU, default": (from, to) => native(from, to, {}),
  "QEMU, tuned": (from, to) => native(from, to, { "downtime-limit": 20, "max-bandwidth": 4 * 2 ** 30 }),
};

if (!existsSync(join(LINUX, "versions.json"))) {
  console.log("left out: node scripts/debian-linux.mjs makes the guest");
} else {
  const folder = mkdtempSync(join(tmpdir(), "portrait-bench-"));
  try {
    await compare(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compare(folder) {
  const times = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, []]));
  for (let i = 0; i < RUNS; i++) {
    for (const [n, [kind, move]] of Object.entries(KINDS).entries()) {
      times[kind].push(await migrate(join(folder, `${i}-${n}`), move));
    }
  }
  const tuned = median(times["QEMU, tuned"].map(({ downtime }) => downtime));
  console.log(`a Linux that writes files into memory, 128 MiB, TCG; median of ${RUNS} (least to most), milliseconds`);
  for (const [kind, runs] of Object.entries(times)) {
    const downtimes = runs.map(({ downtime }) => downtime);
    const total = median(runs.map(({ total: ms }) => ms));
    const range = `(${Math.min(...downtimes).toFixed(0)} to ${Math.max(...downtimes).toFixed(0)})`;
    console.log(
      `  ${kind.padEnd(26)}downtime ${median(downtimes).toFixed(1).padStart(7)} ${range.padEnd(14)} ×${(median(downtimes) / tuned).toFixed(2)} of QEMU tuned; total ${total.toFixed(0).padStart(6)}`,
    );
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Moves a busy guest once. */
async function migrate(folder, move) {
  mkdirSync(folder);
  const from = await start(folder, "a", []);
  let to;
  const recorder = spawn(
    process.execPath,
    [PORTRAIT, "record", "--engine", "qemu", "--qmp", from.recorded, "-o", join(folder, "trace.pio")],
    { stdio: "ignore" },
  );
  try {
    while (!(await enabled(from.qmp))) await sleep(20);
    await from.qmp.execute("cont");
    await from.console.until("guest# ");
    from.console.type(WORK);
    await from.console.until("count 10\r");
    to = await start(folder, "b", ["-incoming", "defer"]);
    const begun = performance.now();
    const stamps = { stop: 0, resume: 0 };
    from.watch.onStamp((name, at) => name === "STOP" && (stamps.stop = at));
    const resumed = new Promise((resolve) =>
      to.watch.onStamp((name, at) => {
        if (name !== "RESUME") return;
        stamps.resume = at;
        resolve();
      }),
    );
    await move(from, to);
    await resumed;
    return { downtime: stamps.resume - stamps.stop, total: performance.now() - begun };
  } finally {
    recorder.kill("SIGINT");
    await Promise.all([once(recorder, "exit"), from.end(), to?.end()]);
  }
}

async function portrait(from, to, options) {
  from.qmp.close();
  to.qmp.close();
  const args = [
    "migrate",
    "--from",
    `qemu:${from.socket},qtest=${from.qtest}`,
    "--trace",
    join(from.folder, "trace.pio"),
  ];
  const child = spawn(
    process.execPath,
    [PORTRAIT, ...args, "--to", `qemu:${to.socket},qtest=${to.qtest}`, "-o", "json", ...options],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let report = "";
  child.stdout.on("data", (text) => (report += text));
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`portrait migrate ended with ${status}`);
  if (process.env.VERBOSE) console.log(report.replaceAll(/"unreachable":.*?\],/gs, ""));
}

async function native(from, to, parameters) {
  const uri = `unix:${join(from.folder, "stream")}`;
  await to.qmp.execute("migrate-incoming", { uri });
  await from.qmp.execute("migrate-set-parameters", parameters);
  await from.qmp.execute("migrate", { uri });
  while ((await to.qmp.execute("query-status")).status === "inmigrate") await sleep(1);
  await to.qmp.execute("cont");
}

async function enabled(qmp) {
  const state = await qmp.execute("trace-event-get-state", { name: "handle_qmp_command" });
  return JSON.stringify(state).includes("enabled");
}

async function start(folder, name, more) {
  const socket = (kind) => join(folder, `${name}.${kind}`);
  const listen = (kind) => `unix:${socket(kind)},server=on,wait=off`;
  const args = [
    ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-display", "none", "-m", "128", "-S"],
    ...["-kernel", join(LINUX, "kernel"), "-initrd", join(LINUX, "initrd"), "-append", APPEND],
    ...["qmp", "recorded", "watched"].flatMap((kind) => ["-qmp", listen(kind)]),
    ...["-serial", listen("serial"), "-qtest", listen("qtest"), "-qtest-log", "none", ...more],
  ];
  const qemu = spawn("qemu-system-x86_64", args, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(qemu, "exit");
  while (!existsSync(socket("qtest"))) await sleep(10);
  const qmp = await QmpClient.connect(socket("qmp"));
  const watched = createConnection(socket("watched"));
  const serial = createConnection(socket("serial"));
  await Promise.all([once(watched, "connect"), once(serial, "connect")]);
  return {
    ...{ folder, qmp, socket: socket("qmp"), recorded: socket("recorded"), qtest: socket("qtest") },
    watch: events(watched),
    console: typewriter(serial),
    end: async () => {
      qemu.kill("SIGKILL");
      await ended;
    },
  };
}

/** A QMP connection that is only listened to: names and stamps of events, in milliseconds. */
function events(socket) {
  const listeners = [];
  let text = "";
  socket.write('{"execute":"qmp_capabilities"}\n');
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    const lines = (text + bytes.toString()).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const { event, timestamp } = JSON.parse(line);
      if (event === undefined) continue;
      for (const listener of listeners) listener(event, timestamp.seconds * 1e3 + timestamp.microseconds / 1e3);
    }
  });
  return { onStamp: (listener) => void listeners.push(listener) };
}

function typewriter(socket) {
  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => (text += bytes.toString("latin1")));
  return {
    type: (line) => void socket.write(line),
    until: async (wanted) => {
      for (let i = 0; !text.includes(wanted); i++) {
        if (i === 12_000) throw new Error(`the guest did not print ${JSON.stringify(wanted)}`);
        await sleep(10);
      }
    },
  };
}
