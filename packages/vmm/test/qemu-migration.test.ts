import { stat } from "node:fs/promises";
import { devNull } from "node:os";
import { join } from "node:path";
import { Classifier } from "@portrait/classifier";
import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianCloudLinux, type DebianCloudLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import {
  lookAtStopped,
  migrateLocally,
  QemuSource,
  QemuTarget,
  restoreCheckpoint,
  writeCheckpoint,
  type BuiltGuest,
  type LiveGuest,
  type LocalMigration,
  type MigrationReport,
  type SendOptions,
  type WatchedGuest,
} from "../src/index.ts";
import { after } from "./support/bodies.ts";
import { struck } from "./support/struck-target.ts";
import { testFolder } from "./support/qemu-process.ts";
import { numbersIn } from "./support/serial-console.ts";
import { linuxMachine } from "./support/qemu-linux.ts";
import { AccessLog, control, library, startWatched, type WatchedQemu } from "./support/watched-qemu.ts";
import { clockFaults, readClocks, RTC_BEHIND_S, withKnownTsc, type Downtime } from "./support/guest-clock.ts";

const careful = { allowUnknown: false, allowDifferent: false };
const LIMIT_MS = 180_000;

/** A guest on one of our QEMUs, and everything it has printed on the way there. */
interface Guest {
  readonly qemu: WatchedQemu;
  readonly classifier: Classifier;
  readonly before: string;
}

/** Program and guest of the tests' machines. */
interface Kind {
  readonly command: string;
  readonly linux: DebianCloudLinux;
}

const kindOf = (context: TestContext): Kind => ({
  command: need(context, program("qemu-system-x86_64")),
  linux: need(context, debianCloudLinux()),
});

const start = ({ command, linux }: Kind, more: readonly string[] = []) =>
  startWatched(command, [...linuxMachine(linux), ...more]);
const startWaiting = (kind: Kind) => start(kind, ["-incoming", "defer"]);

/** Linux with its counting loop in the background. */
async function linuxCounting(kind: Kind): Promise<Guest> {
  const qemu = await start(kind);
  await control(qemu, (qmp) => qmp.execute("cont"));
  await qemu.console.until("guest# ", 60_000);
  qemu.console.type("count 0.1 &\r");
  await qemu.console.untilNumbers("count", 3);
  return { qemu, classifier: new Classifier(library, { fromReset: true }), before: "" };
}

/** Lets `use` have the running guest; where that fails, it goes on where it was. */
async function leaving<T>(guest: Guest, use: (live: LiveGuest & WatchedGuest<QemuSource>) => Promise<T>): Promise<T> {
  const machine = await QemuSource.connect({ qmp: guest.qemu.qmp });
  const { classifier } = guest;
  const catchUp = () => Promise.resolve(guest.qemu.log.feed(classifier));
  try {
    return await use({ machine, classifier, name: "linux", catchUp });
  } catch (error) {
    await machine.resume();
    throw error;
  } finally {
    await machine.close();
  }
}

/** Stops the guest for as long as `use` takes, with everything it did until then classified; it goes on where that fails. */
function stopped<T>(guest: Guest, use: (watched: WatchedGuest<QemuSource>) => Promise<T>): Promise<T> {
  return leaving(guest, async (live) => {
    const { machine, classifier, name } = live;
    await machine.stop((irqs) => lookAtStopped(live, irqs));
    return use({ machine, classifier, name });
  });
}

const targetOf = ({ qmp, qtest }: WatchedQemu) => QemuTarget.connect({ qmp, qtest });

/** Migrates a guest. */
function migrate(guest: Guest, to: WatchedQemu, options: SendOptions = careful): Promise<LocalMigration<QemuTarget>> {
  return stopped(guest, (watched) => migrateLocally(watched, () => targetOf(to), library, options));
}

/** A guest that was built on another machine, which is left alone from here on. */
function builtOn(from: Guest, qemu: WatchedQemu, { machine, classifier }: BuiltGuest<QemuTarget>): Guest {
  machine.close();
  return { qemu, classifier, before: from.before + from.qemu.console.text };
}

/** A guest that was migrated, runs, and stood still for it. */
interface Moved {
  readonly report: MigrationReport;
  readonly guest: Guest;
  readonly downtime: Downtime;
}

/** How a guest leaves: stopped at once, or running until most of its memory has left. */
type Leaving = "stopped" | "running";

/** Migrates a guest and lets it run. */
async function moveOn(guest: Guest, to: WatchedQemu, how: Leaving): Promise<Moved> {
  const runs = performance.now();
  let [stands, ready] = [runs, runs];
  const begin = (machine: QemuTarget) => {
    ready = performance.now();
    return machine.begin();
  };
  const { report, guest: built } = await leaving(guest, async (live) => {
    const { machine, classifier, name } = live;
    if (how === "stopped") await machine.stop((irqs) => lookAtStopped(live, irqs));
    const source = how === "stopped" ? { machine, classifier, name } : live;
    const migration = await migrateLocally(source, () => targetOf(to), library, careful, begin);
    stands = machine.stoppedAt;
    return migration;
  });
  const downtime = { atLeast: ready - stands, atMost: performance.now() - runs };
  return { report, guest: builtOn(guest, to, built), downtime };
}

/** Everything the guest has printed, on all its machines. */
const printed = (guest: Guest) => guest.before + guest.qemu.console.text;

/** The guest counts on, with no number left out or told twice, and its shell answers. */
async function expectGoesOn(guest: Guest): Promise<void> {
  const { console } = guest.qemu;
  await console.untilNumbers("count", console.numbers("count").length + 3);
  const at = console.text.length;
  console.type("echo hello $((6*7))\r");
  await console.until("hello 42\r\n", 10_000, at);
  const numbers = numbersIn(printed(guest), "count");
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));
}

describe("Debian Linux on QEMU", { timeout: LIMIT_MS }, () => {
  test("counts on through 20 machines, every other time running until its memory has left, its clocks right within the downtime, no device field different without a reason", async (context) => {
    const { command, linux } = kindOf(context);
    const kind = { command, linux: await withKnownTsc(command, linux) };
    let guest = await linuxCounting(kind);
    let clocks = await readClocks(guest.qemu);
    let stoodStill = 0;
    for (let move = 1; move <= 20; move++) {
      const next = await startWaiting(kind);
      const { report, guest: moved, downtime } = await moveOn(guest, next, move % 2 === 0 ? "running" : "stopped");
      const { fields, different } = report.result.comparison;
      expect([move, report.plan.unknown, different]).toEqual([move, [], []]);
      expect(fields).toBeGreaterThan(4_000);
      guest.qemu.process.kill("SIGKILL");
      guest = moved;
      await guest.qemu.console.untilNumbers("count", 1 + Math.floor(3 * Math.random()));
      const now = await readClocks(guest.qemu);
      expect([move, clockFaults(clocks, now, downtime)]).toEqual([move, []]);
      clocks = now;
      stoodStill += downtime.atMost;
    }
    await expectGoesOn(guest);
    // The system's own time is behind by what the guest stood still for, and by what the device was when it booted.
    expect(clocks.asked.date - clocks.date).toBeLessThan(stoodStill / 1000 + RTC_BEHIND_S + 1);
  });

  test("panics or stands still on a machine that gets CPU and memory only", async (context) => {
    const kind = kindOf(context);
    const guest = await linuxCounting(kind);
    const next = await startWaiting(kind);
    await stopped(guest, async ({ machine }) => {
      const target = await targetOf(next);
      await target.restore(machine.body());
      await target.begin();
      target.close();
    });
    const counted = next.console.untilNumbers("count", 1, 5_000);
    await expect(counted).rejects.toThrow(/did not print/);
  });

  test("comes back from a checkpoint after its machine is gone, and goes on where it was as well (clone)", async (context) => {
    const kind = kindOf(context);
    const guest = await linuxCounting(kind);
    const path = join(testFolder(), "linux.checkpoint");
    const atCheckpoint = await stopped(guest, async (watched) => {
      const { bytes } = await writeCheckpoint(watched, path, careful);
      expect((await stat(path)).size).toBe(bytes);
      const soFar = printed(guest);
      await watched.machine.resume();
      return soFar;
    });
    await expectGoesOn(guest);
    guest.qemu.process.kill("SIGKILL");
    const next = await startWaiting(kind);
    const restored = await restoreCheckpoint(path, () => targetOf(next), library, careful);
    await restored.machine.begin();
    await expectGoesOn({ ...builtOn(guest, next, restored), before: atCheckpoint });
  });
});

describe("a source on QEMU", { timeout: LIMIT_MS }, () => {
  test("goes on when the migration fails in any way, and can still be migrated afterwards", async (context) => {
    const kind = kindOf(context);
    const guest = await linuxCounting(kind);
    const expectFailure = async (migrating: Promise<unknown>, code: RegExp, message: RegExp) => {
      const error = { code: expect.stringMatching(code), message: expect.stringMatching(message) };
      await expect(migrating).rejects.toMatchObject(error);
      await guest.qemu.console.untilNumbers("count", guest.qemu.console.numbers("count").length + 2);
    };
    const migrateTo = (machine: () => Promise<QemuTarget>, judge = library) =>
      stopped(guest, (watched) => migrateLocally(watched, machine, judge, careful));

    const unseen = { ...guest.qemu, log: new AccessLog(devNull) };
    const late = { ...guest, qemu: unseen, classifier: new Classifier(library, { fromReset: false }) };
    const next = await startWaiting(kind);
    await expectFailure(migrate(late, next), /UNKNOWN_STATE/, /registers is not known: .*--allow-unknown/s);

    const running = await start(kind);
    await expectFailure(migrate(guest, running), /MISMATCH/, /-incoming defer/);

    for (const moment of [0, 40, "plan", "comparison"] as const) {
      const doomed = await startWaiting(kind);
      const failed = migrateTo(() => targetOf(doomed).then((target) => struck(target, doomed, moment)));
      await expectFailure(failed, /MISMATCH|CLOSED|PORT_TARGET/, /QEMU/);
    }

    const judged = await startWaiting(kind);
    const strict = { ...library, devices: [] };
    await expectFailure(
      migrateTo(() => targetOf(judged), strict),
      /VERIFY/,
      /the device state differs in \d+ fields after the plan \(.*mc146818rtc\[0\] \d+/,
    );

    await expectGoesOn(builtOn(guest, next, (await migrate(guest, next)).guest));
  });

  test("that dies while its guest leaves ends the migration, and the destination does not run it", async (context) => {
    const kind = kindOf(context);
    const guest = await linuxCounting(kind);
    const next = await startWaiting(kind);
    const machine = await QemuSource.connect({ qmp: guest.qemu.qmp });
    const { classifier } = guest;
    const catchUp = async () => guest.qemu.log.feed(classifier);
    await machine.stop((irqs) => lookAtStopped({ machine, classifier, catchUp }, irqs));
    const body = machine.body.bind(machine);
    machine.body = () => after(body(), 40, () => void guest.qemu.process.kill("SIGKILL"));
    const watched = { machine, classifier: guest.classifier, name: "linux" };
    const failed = migrateLocally(watched, () => targetOf(next), library, careful);
    await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/TRUNCATED|CLOSED/) });
    await machine.close();
    expect(next.console.text).toBe("");
  });
});
