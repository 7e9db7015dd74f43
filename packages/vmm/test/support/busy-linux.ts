import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import type { DebianCloudLinux } from "../../../../test-support/debian-linux.ts";
import { EchoPeer } from "./echo-peer.ts";
import { captured, gone, startCaptured, type CapturedGuest, type CapturedMachine } from "./captured-guest.ts";
import { connectHost, EthernetSwitch } from "./ethernet-switch.ts";
import { testFolder } from "./qemu-process.ts";
import { numbersIn } from "./serial-console.ts";
import { control, library } from "./watched-qemu.ts";

const BOOT_LIMIT_MS = 60_000;
const GOES_ON_LIMIT_MS = 20_000;

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

/** A Linux that writes, syncs and compares files on its disk, and echoes what comes over TCP, without pause. */
export interface BusyLinux extends CapturedGuest {
  readonly around: Surroundings;
}

/** An empty disk, and a network with a way to a peer on this host. */
export async function surroundings(kind: BusyKind): Promise<Surroundings> {
  const network = await EthernetSwitch.start();
  await connectHost(network, kind.command);
  const disk = join(testFolder(), "disk");
  execFileSync("sh", ["-c", 'truncate -s 32M "$0" && mke2fs -q -t ext4 "$0"', disk]);
  return { ...kind, disk, network, peer: await EchoPeer.start() };
}

/** A machine whose guest has not run. */
export function startMachine(around: Surroundings, more: readonly string[] = []): Promise<CapturedMachine> {
  const { command, linux, card, disk, network } = around;
  return startCaptured(command, [
    ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-m", "128"],
    ...["-kernel", linux.kernel, "-initrd", linux.initrd, "-append", linux.append],
    ...["-drive", `file=${disk},if=ide,format=raw,cache=none`, ...network.card(card), ...more],
  ]);
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

/** Waits until the guest has compared some more files, and sent back some more blocks. */
export async function goesOn({ around: { peer }, machine: { console } }: BusyLinux): Promise<void> {
  const [rounds, blocks] = [console.numbers("round").length, peer.blocks];
  await console.untilNumbers("round", rounds + 2, GOES_ON_LIMIT_MS);
  for (const end = performance.now() + GOES_ON_LIMIT_MS; peer.blocks < blocks + 20; await sleep(10)) {
    if (performance.now() > end) throw new Error(`the guest sent nothing back: ${peer.failures.join(", ")}`);
  }
}

/** Lets QEMU itself migrate a guest, with these parameters. It cannot be migrated by ports afterwards: nobody watched its devices come. */
export async function moveByQemu(
  guest: BusyLinux,
  to: CapturedMachine,
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
