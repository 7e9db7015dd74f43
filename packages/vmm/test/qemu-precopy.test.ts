import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { after } from "./support/bodies.ts";
import { QmpClient, type LocalMigration, type QemuSource, type QemuTarget, type QmpEvent } from "../src/index.ts";
import type { Look } from "../src/machine.ts";
import { runState } from "../src/qemu/migration/status.ts";
import { numbersIn } from "./support/serial-console.ts";
import { control, type WatchedQemu } from "./support/watched-qemu.ts";
import { expectGoesOn, migrate, MONITORS, start, startWaiting, writing } from "./support/writer-guest.ts";

const LIMIT_MS = 60_000;

const BUSY = { device: "floppy1", why: "a sector is on its way" };

/** Has a source ask this as well when its guest is looked at. */
function lookedAt(source: QemuSource, also: () => ReturnType<Look>): void {
  const ahead = source.ahead.bind(source);
  source.ahead = (look) => ahead(async (irqs) => [...(await look(irqs)), ...(await also())]);
}

/**
 * Migrates a guest that is busy when QEMU's own migration stops it for the first time; `then` is called when it is looked at after that. Behind
 * what the writer writes there is nothing but zeros, of which a socket holds 100 MB: QEMU has sent them, and stopped its guest, before
 * Portrait does, except now and then: undefined.
 */
async function migrateBusyOnce(
  guest: WatchedQemu,
  to: WatchedQemu,
  then: () => void = () => undefined,
): Promise<{ readonly migration: Promise<LocalMigration<QemuTarget>> } | undefined> {
  const monitor = { ...guest, qmp: join(guest.folder, "monitor") };
  let [wasFirst, goesOn] = [false, false];
  const look = async () => {
    const stoppedByQemu = (await control(monitor, runState)) === "finish-migrate";
    goesOn ||= wasFirst && !stoppedByQemu;
    wasFirst ||= stoppedByQemu;
    if (goesOn) then();
    return wasFirst && !goesOn ? [BUSY] : [];
  };
  const migration = migrate(guest, to, { source: (source) => lookedAt(source, look) });
  await migration.catch(() => undefined);
  return wasFirst ? { migration } : undefined;
}

/** Events of a QEMU from now on. */
async function eventsOf({ folder }: WatchedQemu): Promise<readonly QmpEvent[]> {
  const client = await QmpClient.connect(join(folder, "events"));
  onTestFinished(() => client.close());
  const events: QmpEvent[] = [];
  client.onEvent((event) => events.push(event));
  return events;
}

/** For each migration that QEMU has set up, whether the guest stood still from before that until QEMU went on to its memory. */
function setUpsAtRest(events: readonly QmpEvent[]): boolean[] {
  const changes = events.flatMap(({ name, data }) => (name === "MIGRATION" ? [String(data["status"])] : [name]));
  const told = changes.filter((change) => ["STOP", "RESUME", "setup", "active"].includes(change));
  return told.flatMap((change, i) => (change === "setup" ? [told[i - 1] === "STOP" && told[i + 1] === "active"] : []));
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
      expect(report.rounds).toBeGreaterThanOrEqual(2);
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
    expect(report.rounds).toBeGreaterThanOrEqual(2);
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
      const source = (machine: QemuSource) => {
        const ahead = machine.ahead.bind(machine);
        machine.ahead = (look) => after(ahead(look), pieces, () => void doomed.process.kill("SIGKILL"));
      };
      const failed = migrate(from, doomed, { source });
      await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/MISMATCH|CLOSED|PORT_TARGET/) });
      await expectGoesOn(from, from);
      expect(await settingsOf(from)).toEqual(settings);
    }
    const to = await startWaiting(context);
    const { guest } = await migrate(from, to);
    guest.machine.close();
    await expectGoesOn(from, to);
  });

  describe("and that QEMU stops while a device is busy", () => {
    test("goes on, and is sent again up to a moment at which none is", async (context) => {
      for (;;) {
        const from = await writing(context);
        const settings = await settingsOf(from);
        const events = await eventsOf(from);
        const to = await startWaiting(context);
        const busy = await migrateBusyOnce(from, to);
        if (busy === undefined) continue;
        const { report, guest } = await busy.migration;
        // Whatever a socket takes at once, it may stay where it stands.
        expect(setUpsAtRest(events)).toEqual([true, true]);
        expect(report.stops?.busy).toContainEqual({ ...BUSY, times: 1 });
        expect(report.stops?.count).toBeGreaterThan(1);
        expect(report.rounds).toBeGreaterThan(2);
        expect(report.result.comparison.different).toEqual([]);
        expect(await settingsOf(from)).toEqual(settings);
        guest.machine.close();
        return expectGoesOn(from, to);
      }
    });

    test("goes on where it was when the destination ends while it is sent again, and can be migrated after that", async (context) => {
      for (;;) {
        const from = await writing(context);
        const settings = await settingsOf(from);
        const doomed = await startWaiting(context);
        const busy = await migrateBusyOnce(from, doomed, () => void doomed.process.kill("SIGKILL"));
        if (busy === undefined) continue;
        await expect(busy.migration).rejects.toMatchObject({ code: expect.stringMatching(/MISMATCH|CLOSED/) });
        await expectGoesOn(from, from);
        expect(await settingsOf(from)).toEqual(settings);
        const to = await startWaiting(context);
        const { guest } = await migrate(from, to);
        guest.machine.close();
        return expectGoesOn(from, to);
      }
    });

    test("is sent again also if all of it had left before it went on", async (context) => {
      for (;;) {
        const from = await start(context, "ticker", MONITORS);
        await control(from, (qmp) => qmp.execute("cont"));
        await from.console.untilNumbers("tick", 3);
        const to = await start(context, "ticker", ["-incoming", "defer"]);
        const busy = await migrateBusyOnce(from, to);
        if (busy === undefined) continue;
        const { report, guest } = await busy.migration;
        // A socket takes all of it at once: without a stop before that, QEMU is first again and again.
        expect(report.stops?.busy).toContainEqual({ ...BUSY, times: 1 });
        expect(report.result.comparison.different).toEqual([]);
        guest.machine.close();
        await to.console.untilNumbers("tick", 3);
        const ticks = numbersIn(from.console.text + to.console.text, "tick");
        return expect(ticks).toEqual(ticks.map((_, i) => i + 1));
      }
    });

    test("stays where it is when one always is", async (context) => {
      const from = await writing(context);
      const settings = await settingsOf(from);
      const to = await startWaiting(context);
      let looks = 0;
      const look = async () => (looks++ === 0 ? [] : [BUSY]);
      const failed = migrate(from, to, { source: (source) => lookedAt(source, look) });
      await expect(failed).rejects.toMatchObject({ code: "BUSY", message: expect.stringContaining("floppy1 at ") });
      await expectGoesOn(from, from);
      expect(await settingsOf(from)).toEqual(settings);
    });
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
