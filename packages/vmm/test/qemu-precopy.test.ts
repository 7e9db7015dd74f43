import { fileURLToPath } from "node:url";
import { Classifier } from "@portrait/classifier";
import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { PC } from "../../../test-support/qemu-guest.ts";
import { after } from "./support/bodies.ts";
import { migrateLocally, QemuSource, QemuTarget, type LocalMigration } from "../src/index.ts";
import { numbersIn } from "./support/serial-console.ts";
import { control, library, startWatched, type WatchedQemu } from "./support/watched-qemu.ts";

const careful = { allowUnknown: false, allowDifferent: false };
const LIMIT_MS = 60_000;
const image = fileURLToPath(new URL("../../../fixtures/guests/writer.bin", import.meta.url));

/** A QEMU with the guest that writes memory without pause, or one that waits for it. */
const startWriter = (context: TestContext, more: readonly string[]): Promise<WatchedQemu> =>
  startWatched(need(context, program("qemu-system-i386")), [...PC, "-m", "32", "-bios", image, ...more]);

const startWaiting = (context: TestContext) => startWriter(context, ["-incoming", "defer"]);

async function writing(context: TestContext): Promise<WatchedQemu> {
  const writer = await startWriter(context, []);
  await control(writer, (qmp) => qmp.execute("cont"));
  await writer.console.untilNumbers("pass", 3);
  return writer;
}

const targetOf = ({ qmp, qtest }: WatchedQemu) => QemuTarget.connect({ qmp, qtest });

const classifiers = new WeakMap<WatchedQemu, Classifier>();

/** What is known of a guest, which goes on where a migration fails. */
function classifierOf(guest: WatchedQemu): Classifier {
  const classifier = classifiers.get(guest) ?? new Classifier(library, { fromReset: true });
  classifiers.set(guest, classifier);
  return classifier;
}

/** Migrates a guest that runs meanwhile; where that fails, it goes on. `change` may change its source. */
async function migrate(
  guest: WatchedQemu,
  to: WatchedQemu,
  change: (source: QemuSource) => void = () => undefined,
): Promise<LocalMigration<QemuTarget>> {
  const machine = await QemuSource.connect({ qmp: guest.qmp, qtest: guest.qtest });
  change(machine);
  const classifier = classifierOf(guest);
  const catchUp = () => Promise.resolve(guest.log.feed(classifier));
  try {
    return await migrateLocally({ machine, classifier, name: "writer", catchUp }, () => targetOf(to), library, careful);
  } catch (error) {
    await machine.resume();
    throw error;
  } finally {
    await machine.close();
  }
}

/** The guest goes on where it was, and finds every page as it left it. */
async function expectGoesOn(from: WatchedQemu, to: WatchedQemu): Promise<void> {
  await to.console.untilNumbers("pass", to.console.numbers("pass").length + 5);
  const all = from === to ? to.console.text : from.console.text + to.console.text;
  const passes = numbersIn(all, "pass");
  expect(passes).toEqual(passes.map((_, i) => i + 1));
  expect(all).not.toContain("lost");
}

/** What a QEMU would do in a migration of its own. */
const settingsOf = (writer: WatchedQemu) =>
  control(writer, async (qmp) => [
    await qmp.execute("query-migrate-parameters"),
    await qmp.execute("query-migrate-capabilities"),
  ]);

describe("a guest that writes memory while it is migrated", { timeout: LIMIT_MS }, () => {
  test("loses nothing, and stands still only at the end", async (context) => {
    for (let i = 0; i < 4; i++) {
      const from = await writing(context);
      const to = await startWaiting(context);
      const begun = performance.now();
      const { report, guest } = await migrate(from, to);
      expect(report.downtimeMs).toBeLessThan(performance.now() - begun);
      expect(report.rounds).toBe(2);
      // Half of what it writes may be nothing but zeros.
      expect(report.memoryBytes).toBeGreaterThan(4 << 20);
      expect(report.result.comparison.different).toEqual([]);
      guest.machine.close();
      await expectGoesOn(from, to);
    }
  });

  test("goes at one moment also from a QEMU that would end its stream as early as it can", async (context) => {
    const from = await writing(context);
    const eager = { "downtime-limit": 10_000, "max-bandwidth": 2 ** 40 };
    await control(from, (qmp) => qmp.execute("migrate-set-parameters", eager));
    const settings = await settingsOf(from);
    const to = await startWaiting(context);
    const { report, guest } = await migrate(from, to);
    expect(report.rounds).toBe(2);
    expect(report.result.comparison.different).toEqual([]);
    expect(await settingsOf(from)).toEqual(settings);
    guest.machine.close();
    await expectGoesOn(from, to);
  });

  test("goes on where it was when the destination ends at any moment, and can be migrated after that", async (context) => {
    const from = await writing(context);
    const settings = await settingsOf(from);
    for (const pieces of [0, 5, 40]) {
      const doomed = await startWaiting(context);
      const failed = migrate(from, doomed, (source) => {
        const ahead = source.ahead.bind(source);
        source.ahead = (look) => after(ahead(look), pieces, () => void doomed.process.kill("SIGKILL"));
      });
      await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/MISMATCH|CLOSED|PORT_TARGET/) });
      await expectGoesOn(from, from);
      expect(await settingsOf(from)).toEqual(settings);
    }
    const to = await startWaiting(context);
    const { guest } = await migrate(from, to);
    guest.machine.close();
    await expectGoesOn(from, to);
  });

  test("is sent in one go when it does not run", async (context) => {
    const from = await writing(context);
    await control(from, (qmp) => qmp.execute("stop"));
    const to = await startWaiting(context);
    const { report, guest } = await migrate(from, to);
    expect(report.rounds).toBe(1);
    guest.machine.close();
    await expectGoesOn(from, to);
  });
});
