import { fileURLToPath } from "node:url";
import { Classifier } from "@portrait/classifier";
import { expect, type TestContext } from "vitest";
import { need } from "../../../../test-support/available.ts";
import { program } from "../../../../test-support/program.ts";
import { PC } from "../../../../test-support/qemu-guest.ts";
import { migrateLocally, MigrationError, QemuSource, QemuTarget, type LocalMigration } from "../../src/index.ts";
import { numbersIn } from "./serial-console.ts";
import { control, library, startWatched, type WatchedQemu } from "./watched-qemu.ts";

const careful = { allowUnknown: false, allowDifferent: false };
/** Two more QMP sockets: each serves one client. */
export const MONITORS = ["monitor", "events"].flatMap((name) => ["-qmp", `unix:FOLDER/${name},server=on,wait=off`]);

/** A QEMU with one of our guests, or one that waits for it. */
export const start = (context: TestContext, name: string, more: readonly string[]): Promise<WatchedQemu> => {
  const image = fileURLToPath(new URL(`../../../../fixtures/guests/${name}.bin`, import.meta.url));
  return startWatched(need(context, program("qemu-system-i386")), [...PC, "-m", "32", "-bios", image, ...more]);
};

/** A QEMU that waits for the guest that writes memory without pause. */
export const startWaiting = (context: TestContext): Promise<WatchedQemu> =>
  start(context, "writer", ["-incoming", "defer"]);

/** A QEMU with the guest that writes memory without pause. */
export async function writing(context: TestContext): Promise<WatchedQemu> {
  const writer = await start(context, "writer", MONITORS);
  await control(writer, (qmp) => qmp.execute("cont"));
  await writer.console.untilNumbers("pass", 3);
  return writer;
}

const classifiers = new WeakMap<WatchedQemu, Classifier>();

/** What is known of a guest, which goes on where a migration fails. */
function classifierOf(guest: WatchedQemu): Classifier {
  const classifier = classifiers.get(guest) ?? new Classifier(library, { fromReset: true });
  classifiers.set(guest, classifier);
  return classifier;
}

/** What a test changes of a migration. */
export interface Changes {
  readonly source?: (source: QemuSource) => void;
  readonly target?: (target: QemuTarget) => void;
}

/** Migrates a guest that runs meanwhile; where that fails, it goes on, unless it may run at its destination. */
export async function migrate(
  guest: WatchedQemu,
  to: WatchedQemu,
  { source, target }: Changes = {},
): Promise<LocalMigration<QemuTarget>> {
  const machine = await QemuSource.connect({ qmp: guest.qmp, qtest: guest.qtest });
  source?.(machine);
  const classifier = classifierOf(guest);
  const catchUp = () => Promise.resolve(guest.log.feed(classifier));
  const makeTarget = async () => {
    const made = await QemuTarget.connect({ qmp: to.qmp, qtest: to.qtest });
    target?.(made);
    return made;
  };
  try {
    return await migrateLocally({ machine, classifier, name: "writer", catchUp }, makeTarget, library, careful);
  } catch (error) {
    if (!(error instanceof MigrationError && error.code === "GIVEN_UP")) await machine.resume();
    throw error;
  } finally {
    await machine.close();
  }
}

/** The guest goes on where it was, and finds every page as it left it. */
export async function expectGoesOn(from: WatchedQemu, to: WatchedQemu): Promise<void> {
  await to.console.untilNumbers("pass", to.console.numbers("pass").length + 5);
  const all = from === to ? to.console.text : from.console.text + to.console.text;
  const passes = numbersIn(all, "pass");
  expect(passes).toEqual(passes.map((_, i) => i + 1));
  expect(all).not.toContain("lost");
}
