import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { QmpClient } from "@portrait/vmm";
import { PC } from "../../../../test-support/qemu-guest.ts";
import { startQemu, type QemuProcess } from "../../../vmm/test/support/qemu-process.ts";
import { SerialConsole } from "../../../vmm/test/support/serial-console.ts";
import { ended, type Workplace } from "./portrait.ts";

/** Our ticking guest. */
export const tickerImage = fileURLToPath(new URL("../../../../fixtures/guests/ticker.bin", import.meta.url));

/** Options of the machines that take the ticking guest. */
export const machines = {
  pc: PC,
  isapc: ["-machine", "isapc", "-cpu", "486", "-nodefaults"],
  "pc with a VGA": ["-machine", "pc", "-cpu", "qemu32,-apic", "-vga", "std", "-nic", "none"],
};

/** The ticking guest's options on a machine. */
export const tickerOn = (machine: readonly string[], mebibytes = 16): readonly string[] => [
  ...machine,
  ...["-m", String(mebibytes), "-bios", tickerImage],
];

/** A QEMU whose guest has not run, or that waits for one. */
export interface GuestQemu extends QemuProcess {
  /** A second QMP socket, beside a recorder's. */
  readonly qmp2: string;
  readonly qtest: string;
  readonly console: SerialConsole;
}

/** What starts QEMUs with one command line. */
export interface Qemus {
  /** One whose guest has not run. */
  start(): Promise<GuestQemu>;
  /** One that waits for a guest. */
  startWaiting(): Promise<GuestQemu>;
  /** One whose guest runs, and is recorded from its first instruction on. */
  startRecorded(trace: string): Promise<GuestQemu>;
}

/** What starts QEMUs with these options; recorders work in `place`. */
export function qemus(place: Workplace, command: string, options: readonly string[]): Qemus {
  const start = () => startGuest(command, options);
  return {
    start,
    startWaiting: () => startGuest(command, [...options, "-incoming", "defer"]),
    startRecorded: async (trace) => {
      const source = await start();
      await record(place, source, trace);
      await letRun(source);
      return source;
    },
  };
}

async function startGuest(command: string, options: readonly string[]): Promise<GuestQemu> {
  const qemu = await startQemu(command, [
    ...[...options, "-S", "-qmp", "unix:FOLDER/qmp2,server=on,wait=off"],
    ...["-serial", "unix:FOLDER/serial,server=on,wait=off"],
    ...["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"],
  ]);
  const console = await SerialConsole.connect(join(qemu.folder, "serial"));
  return { ...qemu, qmp2: join(qemu.folder, "qmp2"), qtest: join(qemu.folder, "qtest"), console };
}

/** How a command names a QEMU that waits for a guest. */
export function addressOf({ qmp, qtest }: GuestQemu): string {
  return `qemu:${qmp},qtest=${qtest}`;
}

/** Starts recording a guest; resolves once every access is captured. The recorder ends with the test, or when `stop` is called. */
export async function record(place: Workplace, source: GuestQemu, trace: string): Promise<{ stop(): Promise<void> }> {
  const recorder = place.start("record", "--engine", "qemu", "--qmp", source.qmp, "-o", trace);
  const end = ended(recorder);
  const stop = async () => {
    recorder.kill("SIGINT");
    await end;
  };
  onTestFinished(stop);
  while ((await logged(source)).length < EVENTS.length) await sleep(20);
  return { stop };
}

/** Events a recording has QEMU log. */
const EVENTS = ["memory_region_ops_read", "memory_region_ops_write", "handle_qmp_command"];

/** Those of a recording's events that a QEMU logs now. */
export async function logged({ qmp2 }: GuestQemu): Promise<string[]> {
  const qmp = await QmpClient.connect(qmp2);
  const states = await Promise.all(EVENTS.map((name) => qmp.execute("trace-event-get-state", { name })));
  qmp.close();
  return EVENTS.filter((_, i) => JSON.stringify(states[i]).includes("enabled"));
}

/** Lets a guest run. */
export async function letRun({ qmp2 }: GuestQemu): Promise<void> {
  const qmp = await QmpClient.connect(qmp2);
  await qmp.execute("cont");
  qmp.close();
}
