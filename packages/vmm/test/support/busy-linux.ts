import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import { onTestFinished } from "vitest";
import type { DebianCloudLinux } from "../../../../test-support/debian-linux.ts";
import {
  lookAtStopped,
  migrateLocally,
  QemuCapture,
  QemuSource,
  QemuTarget,
  QmpClient,
  type LocalMigration,
  type MigrationReport,
} from "../../src/index.ts";
import { EchoPeer } from "./echo-peer.ts";
import { EthernetSwitch } from "./ethernet-switch.ts";
import { startQemu, testFolder, type QemuProcess } from "./qemu-process.ts";
import { numbersIn, SerialConsole } from "./serial-console.ts";
import { control, library } from "./watched-qemu.ts";

const BOOT_LIMIT_MS = 60_000;
const GOES_ON_LIMIT_MS = 20_000;
const careful = { allowUnknown: false, allowDifferent: false };

/** Program, guest, and what QEMU calls its network card. */
export interface BusyKind {
  readonly command: string;
  readonly linux: DebianCloudLinux;
  readonly card: string;
}

/** What the machines of a busy guest share: a disk and a network that outlive each of them. */
export interface Surroundings extends BusyKind {
  /** Path of an image that holds an ext4 file system. */
  readonly disk: string;
  readonly network: EthernetSwitch;
  readonly peer: EchoPeer;
}

/** One of these machines. */
export interface BusyMachine extends QemuProcess {
  readonly qtest: string;
  readonly console: SerialConsole;
  /** Path of the QMP socket over which it is captured. */
  readonly captured: string;
}

/** A Linux that writes, syncs and compares files on its disk, and echoes what comes over TCP, without pause. */
export interface BusyLinux {
  readonly around: Surroundings;
  readonly machine: BusyMachine;
  readonly classifier: Classifier;
  readonly capture: QemuCapture;
  /** Everything it has printed on earlier machines. */
  readonly before: string;
}

/**
 * An empty disk, and a network with a way to a peer on this host: QEMU's user-mode network in a process of its own, which no
 * migration ends. It takes no privileges, as a bridge would.
 */
export async function surroundings(kind: BusyKind): Promise<Surroundings> {
  const network = await EthernetSwitch.start();
  const hub = (port: string, netdev: string) => ["-netdev", `hubport,id=${port},hubid=0,netdev=${netdev}`];
  await startQemu(kind.command, [
    ...["-machine", "none", "-nodefaults", "-netdev", "user,id=host", ...network.cable("switch")],
    ...[...hub("a", "host"), ...hub("b", "switch")],
  ]);
  const disk = join(testFolder(), "disk");
  execFileSync("sh", ["-c", 'truncate -s 32M "$0" && mke2fs -q -t ext4 "$0"', disk]);
  return { ...kind, disk, network, peer: await EchoPeer.start() };
}

/** A machine whose guest has not run. */
export async function startMachine(around: Surroundings, more: readonly string[] = []): Promise<BusyMachine> {
  const { command, linux, card, disk, network } = around;
  const listening = (kind: string) => `unix:FOLDER/${kind},server=on,wait=off`;
  const qemu = await startQemu(command, [
    ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-m", "128", "-S"],
    ...["-kernel", linux.kernel, "-initrd", linux.initrd, "-append", linux.append],
    ...["-drive", `file=${disk},if=ide,format=raw,cache=none`, ...network.card(card)],
    ...["-serial", listening("serial"), "-qmp", listening("captured")],
    ...["-qtest", listening("qtest"), "-qtest-log", "none", ...more],
  ]);
  const path = (name: string) => join(qemu.folder, name);
  const console = await SerialConsole.connect(path("serial"));
  return { ...qemu, qtest: path("qtest"), captured: path("captured"), console };
}

/** A machine that waits for the guest. */
export const startWaiting = (around: Surroundings) => startMachine(around, ["-incoming", "defer"]);

/** Boots the guest and waits until it uses disk and network. */
export async function bootBusy(around: Surroundings): Promise<BusyLinux> {
  const machine = await startMachine(around);
  const classifier = new Classifier(library, { fromReset: true });
  const guest = { around, machine, before: "", ...(await captured(machine, classifier)) };
  await control(machine, (qmp) => qmp.execute("cont"));
  await machine.console.until("guest# ", BOOT_LIMIT_MS);
  machine.console.type(`disk-load & echo-load 10.0.2.15/24 10.0.2.2 ${around.peer.port} &\r`);
  await goesOn(guest);
  return guest;
}

async function captured(
  machine: BusyMachine,
  classifier: Classifier,
): Promise<Pick<BusyLinux, "classifier" | "capture">> {
  const client = await QmpClient.connect(machine.captured);
  onTestFinished(() => client.close());
  return { classifier, capture: await QemuCapture.attach(client, { classifier, startedAt: Date.now() }) };
}

/** Waits until the guest has compared some more files, and sent back some more blocks. */
export async function goesOn({ around: { peer }, machine: { console } }: BusyLinux): Promise<void> {
  const [rounds, blocks] = [console.numbers("round").length, peer.blocks];
  await console.untilNumbers("round", rounds + 2, GOES_ON_LIMIT_MS);
  for (const end = performance.now() + GOES_ON_LIMIT_MS; peer.blocks < blocks + 20; await sleep(10)) {
    if (performance.now() > end) throw new Error(`the guest sent nothing back: ${peer.failures.join(", ")}`);
  }
}

/** How a guest leaves: stopped at once, or running until most of its memory has left. */
export type Leaving = "stopped" | "running";

/** The guest does not begin before it is captured. */
const notYet = () => Promise.resolve();

/** Migrates a guest to a machine, on which it does not run yet; where that fails, it goes on where it was. */
export async function migrateBusy(
  guest: BusyLinux,
  how: Leaving,
  makeTarget: () => Promise<QemuTarget>,
): Promise<LocalMigration<QemuTarget>> {
  const { classifier, capture } = guest;
  const machine = await QemuSource.connect(guest.machine);
  const live = { machine, classifier, name: "linux", catchUp: () => capture.sync() };
  try {
    if (how === "running") return await migrateLocally(live, makeTarget, library, careful, notYet);
    await machine.stop(() => lookAtStopped(live));
    return await migrateLocally({ machine, classifier, name: live.name }, makeTarget, library, careful, notYet);
  } catch (error) {
    await machine.resume();
    throw error;
  } finally {
    await machine.close();
  }
}

/** A guest that was migrated and runs. */
export interface MovedBusy {
  readonly report: MigrationReport;
  readonly guest: BusyLinux;
}

/** Migrates a guest to a machine and lets it run there. */
export async function moveBusy(guest: BusyLinux, to: BusyMachine, how: Leaving): Promise<MovedBusy> {
  const { report, guest: built } = await migrateBusy(guest, how, () => QemuTarget.connect(to));
  const next = await captured(to, built.classifier);
  await built.machine.begin();
  built.machine.close();
  return { report, guest: await gone(guest, to, next) };
}

/** Lets QEMU itself migrate a guest, with these parameters. It cannot be migrated by ports afterwards: nobody watched its devices come. */
export async function moveByQemu(
  guest: BusyLinux,
  to: BusyMachine,
  parameters: Readonly<Record<string, number>>,
): Promise<BusyLinux> {
  const uri = `unix:${join(to.folder, "stream")}`;
  await control(to, (qmp) => qmp.execute("migrate-incoming", { uri }));
  await control(guest.machine, async (qmp) => {
    await qmp.execute("migrate-set-parameters", parameters);
    await qmp.execute("migrate", { uri });
  });
  const next = await captured(to, new Classifier(library, { fromReset: false }));
  await control(to, async (qmp) => {
    while (JSON.stringify(await qmp.execute("query-status")).includes("inmigrate")) await sleep(1);
    await qmp.execute("cont");
  });
  return gone(guest, to, next);
}

/** The guest on its new machine; the old one ends. */
async function gone(
  { around, machine: old, before }: BusyLinux,
  machine: BusyMachine,
  next: Pick<BusyLinux, "classifier" | "capture">,
): Promise<BusyLinux> {
  old.process.kill("SIGKILL");
  await once(old.process, "exit");
  return { around, machine, before: before + old.console.text, ...next };
}

/** What a guest went through, at its end. */
export interface Outcome {
  /** Numbers of the rounds in which it found every file as it had written it. */
  readonly rounds: readonly number[];
  /** Rounds in which it did not. */
  readonly bad: readonly number[];
  /** What the peer of its connection complains of. */
  readonly failures: readonly string[];
  /** Exit code of `e2fsck -fn`, and what it said where that is not 0. */
  readonly fileSystem: readonly [status: number | null, said: string];
}

/** Ends the load and the machine, and checks the file system. */
export async function endBusy({ around: { disk, peer }, machine, before }: BusyLinux): Promise<Outcome> {
  machine.console.type("echo >/stop\r");
  await machine.console.until("disk done", GOES_ON_LIMIT_MS);
  const failures = [...peer.failures];
  machine.process.kill("SIGKILL");
  await once(machine.process, "exit");
  const printed = before + machine.console.text;
  const { status, stdout } = spawnSync("e2fsck", ["-fn", disk], { encoding: "utf8" });
  return {
    rounds: numbersIn(printed, "round"),
    bad: numbersIn(printed, "bad"),
    failures,
    fileSystem: [status, status === 0 ? "" : stdout],
  };
}
