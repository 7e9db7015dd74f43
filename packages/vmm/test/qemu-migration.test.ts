import { stat } from "node:fs/promises";
import { devNull } from "node:os";
import { join } from "node:path";
import { Classifier } from "@portrait/classifier";
import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianCloudLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import {
  migrateLocally,
  QemuSource,
  QemuTarget,
  restoreCheckpoint,
  writeCheckpoint,
  type BuiltGuest,
  type LocalMigration,
  type SendOptions,
  type WatchedGuest,
} from "../src/index.ts";
import { after } from "./support/bodies.ts";
import { testFolder } from "./support/qemu-process.ts";
import { numbersIn } from "./support/serial-console.ts";
import { AccessLog, control, library, startMachine, type LinuxQemu } from "./support/qemu-linux.ts";

const careful = { allowUnknown: false, allowDifferent: false };
const LIMIT_MS = 180_000;

/** A guest on one of our QEMUs, and everything it has printed on the way there. */
interface Guest {
  readonly qemu: LinuxQemu;
  readonly classifier: Classifier;
  readonly before: string;
}

function start(context: TestContext, more: readonly string[]): Promise<LinuxQemu> {
  return startMachine(need(context, program("qemu-system-x86_64")), need(context, debianCloudLinux()), more);
}

const startWaiting = (context: TestContext) => start(context, ["-incoming", "defer"]);

/** Linux with its counting loop in the background. */
async function linuxCounting(context: TestContext): Promise<Guest> {
  const qemu = await start(context, []);
  await control(qemu, (qmp) => qmp.execute("cont"));
  await qemu.console.until("guest# ", 60_000);
  qemu.console.type("count 0.1 &\r");
  await qemu.console.untilNumbers("count", 3);
  return { qemu, classifier: new Classifier(library, { fromReset: true }), before: "" };
}

/** Stops the guest for as long as `use` takes, with everything it did until then classified; it goes on where that fails. */
async function stopped<T>(guest: Guest, use: (watched: WatchedGuest<QemuSource>) => Promise<T>): Promise<T> {
  const machine = await QemuSource.connect({ qmp: guest.qemu.qmp });
  try {
    await machine.stop();
    guest.qemu.log.feed(guest.classifier);
    return await use({ machine, classifier: guest.classifier, name: "linux" });
  } catch (error) {
    await machine.resume();
    throw error;
  } finally {
    await machine.close();
  }
}

const targetOf = ({ qmp, qtest }: LinuxQemu) => QemuTarget.connect({ qmp, qtest });

/** Migrates a guest; it does not run yet. */
function migrate(guest: Guest, to: LinuxQemu, options: SendOptions = careful): Promise<LocalMigration<QemuTarget>> {
  return stopped(guest, (watched) => migrateLocally(watched, () => targetOf(to), library, options));
}

/** Lets a guest run on the machine it was built on. */
async function goOn(from: Guest, qemu: LinuxQemu, { machine, classifier }: BuiltGuest<QemuTarget>): Promise<Guest> {
  await machine.run();
  machine.close();
  return { qemu, classifier, before: from.before + from.qemu.console.text };
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
  test("counts on through 20 machines, no device field of theirs differs without a reason", async (context) => {
    let guest = await linuxCounting(context);
    for (let move = 1; move <= 20; move++) {
      const next = await startWaiting(context);
      const { report, guest: moved } = await migrate(guest, next);
      const { fields, different } = report.result.comparison;
      expect([move, report.plan.unknown, different]).toEqual([move, [], []]);
      expect(fields).toBeGreaterThan(4_000);
      const last = guest.qemu;
      guest = await goOn(guest, next, moved);
      last.process.kill("SIGKILL");
      await guest.qemu.console.untilNumbers("count", 1 + Math.floor(3 * Math.random()));
    }
    await expectGoesOn(guest);
  });

  test("panics or stands still on a machine that gets CPU and memory only", async (context) => {
    const guest = await linuxCounting(context);
    const next = await startWaiting(context);
    await stopped(guest, async ({ machine }) => {
      const target = await targetOf(next);
      await target.restore(machine.body());
      await target.run();
      target.close();
    });
    const counted = next.console.untilNumbers("count", 1, 5_000);
    await expect(counted).rejects.toThrow(/did not print/);
  });

  test("comes back from a checkpoint after its machine is gone, and goes on where it was as well (clone)", async (context) => {
    const guest = await linuxCounting(context);
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
    const next = await startWaiting(context);
    const restored = await restoreCheckpoint(path, () => targetOf(next), library, careful);
    const again = await goOn(guest, next, restored);
    await expectGoesOn({ ...again, before: atCheckpoint });
  });
});

/** When a destination is killed: after so many pieces of CPU and memory, before the plan, or before it is compared. */
type Moment = number | "plan" | "comparison";

/** A destination that is killed at that moment. */
async function dying(qemu: LinuxQemu, moment: Moment): Promise<QemuTarget> {
  const target = await targetOf(qemu);
  const kill = () => void qemu.process.kill("SIGKILL");
  const restore = target.restore.bind(target);
  const besideOwn = target.besideOwn.bind(target);
  target.restore = async (body) => {
    await restore(typeof moment === "number" ? after(body, moment, kill) : body);
    if (moment === "plan") kill();
  };
  target.besideOwn = (dump) => {
    if (moment === "comparison") kill();
    return besideOwn(dump);
  };
  return target;
}

describe("a source on QEMU", { timeout: LIMIT_MS }, () => {
  test("goes on when the migration fails in any way, and can still be migrated afterwards", async (context) => {
    const guest = await linuxCounting(context);
    const expectFailure = async (migrating: Promise<unknown>, code: RegExp, message: RegExp) => {
      const error = { code: expect.stringMatching(code), message: expect.stringMatching(message) };
      await expect(migrating).rejects.toMatchObject(error);
      await guest.qemu.console.untilNumbers("count", guest.qemu.console.numbers("count").length + 2);
    };
    const migrateTo = (machine: () => Promise<QemuTarget>, judge = library) =>
      stopped(guest, (watched) => migrateLocally(watched, machine, judge, careful));

    const unseen = { ...guest.qemu, log: new AccessLog(devNull) };
    const late = { ...guest, qemu: unseen, classifier: new Classifier(library, { fromReset: false }) };
    const next = await startWaiting(context);
    await expectFailure(migrate(late, next), /UNKNOWN_STATE/, /registers is not known: .*--allow-unknown/s);

    const running = await start(context, []);
    await expectFailure(migrate(guest, running), /MISMATCH/, /-incoming defer/);

    for (const moment of [0, 40, "plan", "comparison"] as const) {
      const doomed = await startWaiting(context);
      const failed = migrateTo(() => dying(doomed, moment));
      await expectFailure(failed, /MISMATCH|CLOSED|PORT_TARGET/, /QEMU/);
    }

    const judged = await startWaiting(context);
    const strict = { ...library, devices: [] };
    await expectFailure(
      migrateTo(() => targetOf(judged), strict),
      /VERIFY/,
      /fields of the device state differ after the plan/,
    );

    await expectGoesOn(await goOn(guest, next, (await migrate(guest, next)).guest));
  });

  test("that dies while its guest leaves ends the migration, and the destination does not run it", async (context) => {
    const guest = await linuxCounting(context);
    const next = await startWaiting(context);
    const machine = await QemuSource.connect({ qmp: guest.qemu.qmp });
    await machine.stop();
    guest.qemu.log.feed(guest.classifier);
    const body = machine.body.bind(machine);
    machine.body = () => after(body(), 40, () => void guest.qemu.process.kill("SIGKILL"));
    const watched = { machine, classifier: guest.classifier, name: "linux" };
    const failed = migrateLocally(watched, () => targetOf(next), library, careful);
    await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/TRUNCATED|CLOSED/) });
    await machine.close();
    expect(next.console.text).toBe("");
  });
});
