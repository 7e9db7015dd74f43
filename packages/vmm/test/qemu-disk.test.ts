import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import type { PortOperation } from "@portrait/replayer";
import { describe, expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { lookAtStopped, migrateLocally, qemuStatus, QemuSource, QemuTarget, QmpClient } from "../src/index.ts";
import { testFolder } from "./support/qemu-process.ts";
import { library, startWatched, type WatchedQemu } from "./support/watched-qemu.ts";

const LIMIT_MS = 60_000;
const ATA = 0x1f0;
const IDENTIFY_DEVICE = 0xec;
const IDENTIFY_WORDS = 256;
/** Device Control, and its bit that shows what was written before the last bytes. */
const CONTROL = 0x206;
const HOB = 0x80;

/** An image with nothing on it. */
async function emptyDisk(): Promise<string> {
  const disk = join(testFolder(), "disk");
  await writeFile(disk, Buffer.alloc(1 << 20));
  return disk;
}

/** A machine with a disk. */
function withDisk(context: TestContext, disk: string, ...more: readonly string[]): Promise<WatchedQemu> {
  const command = need(context, program("qemu-system-i386"));
  const options = ["-machine", "pc", "-nodefaults", "-m", "16", "-vga", "std"];
  return startWatched(command, [...options, "-drive", `if=ide,format=raw,file=${disk}`, ...more]);
}

const out = (offset: number, value: number): PortOperation => ({
  ...{ direction: "out", port: ATA + offset, width: 8 },
  value,
});
const byteAt = (offset: number): PortOperation => ({ direction: "in", port: ATA + offset, width: 8 });
const word: PortOperation = { direction: "in", port: ATA, width: 16 };

/** A guest, its BIOS, that has found its disk, and of which everything is known. */
async function watched(context: TestContext, disk: string) {
  const qemu = await withDisk(context, disk);
  const client = await QmpClient.connect(qemu.qmp);
  onTestFinished(() => client.close());
  await client.execute("cont");
  const machine = await QemuSource.over(client, qemu.qtest);
  onTestFinished(() => machine.close());
  const classifier = new Classifier(library, { fromReset: true });
  const catchUp = () => Promise.resolve(qemu.log.feed(classifier));
  const guest = { machine, classifier, catchUp, name: "bios" };
  const look = (irqs: readonly number[]) => lookAtStopped(guest, irqs);
  const known = () => classifier.states.some(({ instance, touched }) => instance.name === "ata1" && touched);
  for (const end = performance.now() + LIMIT_MS / 2; !known() && performance.now() < end; await sleep(50))
    await catchUp();
  return { client, machine, look, guest };
}

describe("a guest with a disk", { timeout: LIMIT_MS }, () => {
  test("is stopped where its disk has nothing under way", async (context) => {
    const { client, machine, look } = await watched(context, await emptyDisk());
    await machine.ports.perform([out(6, 0xe0), out(7, IDENTIFY_DEVICE)]);
    const stopped = machine.stop(look);
    await sleep(100);
    await machine.ports.perform(Array.from({ length: IDENTIFY_WORDS }, () => word));
    await stopped;
    const { stops } = machine;
    expect(stops?.busy).toContainEqual({
      device: "ata1",
      why: "data waits to be transferred",
      times: expect.any(Number),
    });
    expect(stops?.count).toBeGreaterThan(1);
    expect(await qemuStatus(client)).toMatchObject({ running: false });
  });

  test("goes on where its disk is never done, and the message says so", async (context) => {
    const { client, machine, look } = await watched(context, await emptyDisk());
    await machine.ports.perform([out(6, 0xe0), out(7, IDENTIFY_DEVICE)]);
    await expect(machine.stop(look)).rejects.toMatchObject({
      code: "BUSY",
      message: expect.stringMatching(/stopped 50 times.*ata1 at \d+ \(data waits to be transferred\)/),
    });
    await machine.resume();
    expect(await qemuStatus(client)).toMatchObject({ running: true });

    await client.execute("stop");
    await expect(machine.stop(look)).rejects.toMatchObject({ code: "BUSY", message: expect.stringContaining("ata1") });
  });
});

const careful = { allowUnknown: false, allowDifferent: false };

describe("a disk that both machines reach", { timeout: LIMIT_MS }, () => {
  test("is the source's until the guest begins at its destination", async (context) => {
    const disk = await emptyDisk();
    const { client, machine, look, guest } = await watched(context, disk);
    await machine.stop(look);
    const waiting = () => withDisk(context, disk, "-incoming", "defer");
    const [refused, to] = [await waiting(), await waiting()];

    const tooLate = async (destination: QemuTarget) => {
      await machine.resume();
      await destination.begin();
    };
    const migrate = (qemu: WatchedQemu, begin?: (destination: QemuTarget) => Promise<void>) =>
      migrateLocally(guest, () => QemuTarget.connect(qemu), library, careful, begin);
    await expect(migrate(refused, tooLate)).rejects.toMatchObject({
      code: "MISMATCH",
      message: expect.stringMatching(/QEMU refused cont: .*lock/),
    });
    expect(await qemuStatus(client)).toMatchObject({ running: true });

    await machine.stop(look);
    (await migrate(to)).guest.machine.close();
    await expect(client.execute("cont")).rejects.toMatchObject({ message: expect.stringMatching(/lock/) });
  });

  test("has a task file that was being loaded, with the bytes that were pushed further in", async (context) => {
    const disk = await emptyDisk();
    const { machine, look, guest } = await watched(context, disk);
    const to = await withDisk(context, disk, "-incoming", "defer");
    await machine.stop(look);
    // Count and two of three bytes of a 48-bit address, of which each register takes two; the command has not come.
    const loaded = [out(2, 0x12), out(2, 0x34), out(3, 0x56), out(3, 0x78), out(4, 0x9a), out(4, 0xbc)];
    await machine.ports.perform([out(6, 0xe0), ...loaded]);
    await guest.catchUp();
    const moved = await migrateLocally(
      guest,
      () => QemuTarget.connect(to),
      library,
      careful,
      () => Promise.resolve(),
    );
    expect(moved.report.result.comparison.different).toEqual([]);
    const shown = [2, 3, 4].map(byteAt);
    const { ports } = moved.guest.machine;
    expect(await ports.perform([...shown, out(CONTROL, HOB), ...shown])).toEqual([
      ...[0x34, 0x78, 0xbc],
      ...[0, 0x12, 0x56, 0x9a],
    ]);
    moved.guest.machine.close();
  });

  test("is the source's again where the destination cannot have it", async (context) => {
    const { client, machine, look, guest } = await watched(context, await emptyDisk());
    const taken = await emptyDisk();
    await withDisk(context, taken);
    const to = await withDisk(context, taken, "-incoming", "defer");
    await machine.stop(look);
    await expect(migrateLocally(guest, () => QemuTarget.connect(to), library, careful)).rejects.toMatchObject({
      message: expect.stringMatching(/lock/),
    });
    await machine.resume();
    expect(await qemuStatus(client)).toMatchObject({ running: true });
  });
});
