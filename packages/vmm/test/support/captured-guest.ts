import { join } from "node:path";
import type { Classifier } from "@portrait/classifier";
import { onTestFinished } from "vitest";
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
import type { Spawn } from "./namespace.ts";
import { startQemu, type QemuProcess } from "./qemu-process.ts";
import { SerialConsole } from "./serial-console.ts";
import { library } from "./watched-qemu.ts";

const careful = { allowUnknown: false, allowDifferent: false };

/** A machine whose guest is captured. */
export interface CapturedMachine extends QemuProcess {
  readonly qtest: string;
  readonly console: SerialConsole;
  /** Path of the QMP socket over which it is captured. */
  readonly captured: string;
}

/** A guest that is captured from its first instruction on, on whatever machine it is. */
export interface CapturedGuest {
  readonly machine: CapturedMachine;
  readonly classifier: Classifier;
  readonly capture: QemuCapture;
  /** Everything it has printed on earlier machines. */
  readonly before: string;
}

/** Starts a machine with these options, here or elsewhere, whose guest has not run. */
export async function startCaptured(
  command: string,
  options: readonly string[],
  start?: Spawn,
): Promise<CapturedMachine> {
  const listening = (kind: string) => `unix:FOLDER/${kind},server=on,wait=off`;
  const own = [
    ...["-S", "-serial", listening("serial"), "-qmp", listening("captured")],
    ...["-qtest", listening("qtest"), "-qtest-log", "none"],
  ];
  const qemu = await startQemu(command, [...own, ...options], start);
  const path = (name: string) => join(qemu.folder, name);
  const console = await SerialConsole.connect(path("serial"));
  return { ...qemu, qtest: path("qtest"), captured: path("captured"), console };
}

/** Captures the guest of a machine, of which the classifier knows what it did before. */
export async function captured(
  machine: CapturedMachine,
  classifier: Classifier,
): Promise<Pick<CapturedGuest, "classifier" | "capture">> {
  const client = await QmpClient.connect(machine.captured);
  onTestFinished(() => client.close());
  const capture = await QemuCapture.attach(client, { classifier, startedAt: Date.now() });
  onTestFinished(() => capture.detach());
  return { classifier, capture };
}

/** How a guest leaves: stopped at once, or running until most of its memory has left. */
export type Leaving = "stopped" | "running";

/** The guest does not begin before it is captured. */
const notYet = () => Promise.resolve();

/** Migrates a guest to a machine, on which it does not run yet; where that fails, it goes on where it was. */
export async function migrateCaptured(
  guest: CapturedGuest,
  how: Leaving,
  makeTarget: () => Promise<QemuTarget>,
): Promise<LocalMigration<QemuTarget>> {
  const { classifier, capture } = guest;
  const machine = await QemuSource.connect(guest.machine);
  const live = { machine, classifier, name: "guest", catchUp: () => capture.sync() };
  try {
    if (how === "running") return await migrateLocally(live, makeTarget, library, careful, notYet);
    await machine.stop((irqs) => lookAtStopped(live, irqs));
    return await migrateLocally({ machine, classifier, name: live.name }, makeTarget, library, careful, notYet);
  } catch (error) {
    await machine.resume();
    throw error;
  } finally {
    await machine.close();
  }
}

/** A guest that was migrated and runs. */
export interface Moved<G extends CapturedGuest> {
  readonly report: MigrationReport;
  readonly guest: G;
}

/** Migrates a guest to a machine and lets it run there. */
export async function moveCaptured<G extends CapturedGuest>(
  guest: G,
  to: G["machine"],
  how: Leaving,
): Promise<Moved<G>> {
  const { report, guest: built } = await migrateCaptured(guest, how, () => QemuTarget.connect(to));
  const next = await captured(to, built.classifier);
  await built.machine.begin();
  built.machine.close();
  return { report, guest: await gone(guest, to, next) };
}

/** The guest on its new machine; the old one ends. */
export async function gone<G extends CapturedGuest>(
  guest: G,
  machine: G["machine"],
  next: Pick<CapturedGuest, "classifier" | "capture">,
): Promise<G> {
  const { machine: old, before } = guest;
  await old.end();
  return { ...guest, machine, before: before + old.console.text, ...next };
}
