import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import type { DebianCloudLinux } from "../../../../test-support/debian-linux.ts";
import { pollUntil, runState } from "../../src/qemu/migration/status.ts";
import type { BridgedNetwork, Host } from "./bridged-network.ts";
import { EchoPeer } from "./echo-peer.ts";
import { captured, gone, startCaptured, type CapturedGuest, type CapturedMachine } from "./captured-guest.ts";
import { testFolder } from "./qemu-process.ts";
import { numbersIn } from "./serial-console.ts";
import { control, library } from "./watched-qemu.ts";

const BOOT_LIMIT_MS = 60_000;
const GOES_ON_LIMIT_MS = 20_000;
const TAKE_OVER_LIMIT_MS = 60_000;

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
  readonly network: BridgedNetwork;
  readonly peer: EchoPeer;
}

/** A machine on one of the network's hosts. */
export interface BusyMachine extends CapturedMachine {
  readonly host: Host;
}

/** A Linux that writes, syncs and compares files on its disk, and echoes what comes over TCP, without pause. */
export interface BusyLinux extends CapturedGuest {
  readonly around: Surroundings;
  readonly machine: BusyMachine;
}

/** An empty disk, and a peer in this network. */
export async function surroundings(kind: BusyKind, network: BridgedNetwork): Promise<Surroundings> {
  const disk = join(testFolder(), "disk");
  execFileSync("sh", ["-c", 'truncate -s 32M "$0" && mke2fs -q -t ext4 "$0"', disk]);
  return { ...kind, disk, network, peer: await EchoPeer.start(network) };
}

/** A machine on a host, whose guest has not run. */
async function startMachine(around: Surroundings, host: Host, more: readonly string[] = []): Promise<BusyMachine> {
  const { command, linux, card, disk, network } = around;
  const options = [
    ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-m", "128"],
    ...["-kernel", linux.kernel, "-initrd", linux.initrd, "-append", linux.append],
    ...["-drive", `file=${disk},if=ide,format=raw,cache=none`, ...network.card(card), ...more],
  ];
  return { ...(await startCaptured(command, options, host.spawn)), host };
}

/** A machine on the other host, with the guest's network card or another one, that waits for the guest. */
export function startWaiting({ around, machine }: BusyLinux, card = around.card): Promise<BusyMachine> {
  return startMachine({ ...around, card }, around.network.other(machine.host), ["-incoming", "defer"]);
}

/** Boots the guest and waits until it uses disk and network. */
export async function bootBusy(around: Surroundings): Promise<BusyLinux> {
  const { network, peer } = around;
  const machine = await startMachine(around, network.hosts[0]);
  const classifier = new Classifier(library, { fromReset: true });
  const guest = { around, machine, before: "", ...(await captured(machine, classifier)) };
  await control(machine, (qmp) => qmp.execute("cont"));
  await machine.console.until("guest# ", BOOT_LIMIT_MS);
  machine.console.type(`disk-load & echo-load 10.0.2.15/24 ${network.address} ${peer.port} &\r`);
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
    const taken = async () => ((await runState(qmp)) === "inmigrate" ? undefined : true);
    await pollUntil(taken, "QEMU to take the guest over", TAKE_OVER_LIMIT_MS);
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
  await machine.end();
  const printed = before + machine.console.text;
  const { status, stdout } = spawnSync("e2fsck", ["-fn", disk], { encoding: "utf8" });
  return {
    rounds: numbersIn(printed, "round"),
    bad: numbersIn(printed, "bad"),
    failures,
    fileSystem: [status, status === 0 ? "" : stdout],
  };
}
