import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Classifier, classifiedColumns, VERDICTS } from "@portrait/classifier";
import { carryOut } from "@portrait/replayer";
import { BATCH_CAPACITY, directionOf, fileSource, TraceReader, widthOf, type AccessBatch } from "@portrait/tracer";
import { afterAll, afterEach, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import {
  migrateLocally,
  planFor,
  restoreCheckpoint,
  V86Error,
  writeCheckpoint,
  type BuiltGuest,
  type Machine,
  type MachineFactory,
} from "../src/index.ts";
import { AccessSum, bootLinux, counts, runCounts, runTo, usedMachine, type LinuxGuest } from "./support/linux.ts";
import { coldMachine, library, watch, type RunningGuest } from "./support/ticker.ts";

const careful = { allowUnknown: false, allowDifferent: false };
const LIMIT_MS = 180_000;

let folder = "";
let booted: Promise<LinuxGuest> | undefined;
let counting: Promise<LinuxGuest> | undefined;
const machines: Machine[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "portrait-linux-"));
});
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.destroy();
});
afterAll(async () => {
  await (await booted)?.machine.destroy();
  await rm(folder, { recursive: true });
});

const tracePath = () => join(folder, "boot.pio");

/** Linux at its prompt, booted once for the whole file. */
function linuxAtPrompt(context: TestContext): Promise<LinuxGuest> {
  const linux = need(context, debianLinux());
  booted ??= bootLinux(linux, tracePath());
  return booted;
}

/** The same guest with its counting loop in the background, stopped wherever the last test left it. */
function linuxCounting(context: TestContext): Promise<LinuxGuest> {
  const atPrompt = linuxAtPrompt(context);
  counting ??= atPrompt.then(async (guest) => {
    guest.machine.type("count 0.1 &\r");
    await runCounts(guest, 3);
    return guest;
  });
  return counting;
}

/** Passes the boot's trace, read back from its file, to `take`; gives the reader. */
async function readBoot(take: (batch: AccessBatch) => void): Promise<TraceReader> {
  const file = await open(tracePath());
  try {
    const reader = await TraceReader.open(fileSource(file));
    for await (const batch of reader.batches()) take(batch);
    return reader;
  } finally {
    await file.close();
  }
}

describe("SeaBIOS and Debian Linux, booted on v86", { timeout: LIMIT_MS }, () => {
  test("are recorded access for access, and read back the same", async (context) => {
    const { boot, machine } = await linuxAtPrompt(context);
    const sum = new AccessSum();
    const reader = await readBoot((batch) => sum.add(batch));
    expect(reader.problems).toEqual([]);
    expect(boot.count).toBeGreaterThan(75_000);
    expect(sum.count).toBe(boot.count);
    expect(sum.digest()).toBe(boot.digest);
    expect(machine.droppedAccesses).toBe(0);
  });

  test("take less than a byte per access in a file that lz4 accepts", async (context) => {
    const lz4 = need(context, program("lz4"));
    const { boot } = await linuxAtPrompt(context);
    const { size } = await stat(tracePath());
    expect(size / boot.count).toBeLessThan(1);
    const { status, stderr } = spawnSync(lz4, ["-t", tracePath()], { encoding: "utf8" });
    expect(stderr).not.toMatch(/error/i);
    expect(status).toBe(0);
  });

  test("make no access whose register cannot be told, and under 1 % that no description covers", async (context) => {
    const { boot } = await linuxAtPrompt(context);
    const classifier = new Classifier(library, { fromReset: true });
    const columns = classifiedColumns(BATCH_CAPACITY, { criteria: false });
    const uncovered = new Map<string, number>();
    const ambiguous = new Set<string>();
    await readBoot((batch) => {
      classifier.feed(batch, columns);
      for (const [row, reached] of columns.several) {
        if (reached.some(({ registers }) => registers.length > 1)) ambiguous.add(shown(batch, row));
      }
      for (let row = 0; row < batch.length; row++) {
        if (VERDICTS[columns.verdict[row] ?? 0] !== "unknown") continue;
        uncovered.set(shown(batch, row), (uncovered.get(shown(batch, row)) ?? 0) + 1);
      }
    });
    expect([...ambiguous]).toEqual([]);
    const total = [...uncovered.values()].reduce((sum, count) => sum + count, 0);
    const most = boot.count / 100;
    expect(total < most ? [] : [...uncovered]).toEqual([]);
  });
});

/** `in8 70h`. */
function shown(batch: AccessBatch, row: number): string {
  const op = batch.op[row] ?? 0;
  return `${directionOf(op)}${widthOf(op)} ${(batch.port[row] ?? 0).toString(16)}h`;
}

/** Where a guest is stopped: after so many accesses, so much guest time, or at the next access in the timer's handler after that. */
interface Stop {
  readonly kind: "accesses" | "guest ms" | "timer handler";
  readonly amount: number;
}

interface Move extends Stop {
  readonly number: number;
  readonly destination: "cold" | "after its BIOS";
}

/** Seed of the ten stops. */
const SEED = 20_261_123;

/** Ten stops, four of them in the timer's handler; five destinations of each kind. */
function tenMoves(): Move[] {
  let seed = SEED;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; // Numerical Recipes
    return seed / 2 ** 32;
  };
  const kinds = ["timer handler", "accesses", "guest ms"] as const;
  return Array.from({ length: 10 }, (_, i) => ({
    number: i + 1,
    kind: kinds[i % 3] ?? "accesses",
    amount: 50 + Math.floor(random() * 900),
    destination: i % 2 === 0 ? "cold" : "after its BIOS",
  }));
}

function factory(context: TestContext, destination: Move["destination"]): MachineFactory {
  const linux = need(context, debianLinux());
  return (hello) => (destination === "cold" ? coldMachine(hello) : usedMachine(linux, hello.memorySize));
}

async function runToStop({ machine, recorder }: RunningGuest, { kind, amount }: Stop): Promise<void> {
  const wallMs = 60_000;
  if (kind === "guest ms") await recorder.run({ guestMs: amount, wallMs });
  else await recorder.run({ accesses: machine.accessCount + amount, wallMs });
  if (kind !== "timer handler") return;
  for (let step = 0; !timerInService(machine) && step < 2_000; step++) {
    await recorder.run({ accesses: machine.accessCount + 1, wallMs });
  }
  expect(timerInService(machine)).toBe(true);
}

/** True when the master's in-service register has IRQ0's bit. */
function timerInService(machine: Machine): boolean {
  const isr = machine.deviceFields().find(({ path }) => path === "pic.master.isr")?.value;
  return typeof isr === "number" && (isr & 1) === 1;
}

/** Watches a guest that was moved; its machine ends with the test. */
function watchUntilTested(built: BuiltGuest): RunningGuest {
  machines.push(built.machine);
  return watch(built);
}

/** The numbers from 1 to the last, with none left out. */
const consecutive = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/**
 * Runs a moved guest on, which printed `before` on the machines it comes from: its loop must count on where it was, and its shell answer.
 * A line that a stop cut in two is whole in the consoles joined.
 */
async function expectGoesOn(guest: RunningGuest, before: string): Promise<void> {
  await runCounts(guest, 3);
  guest.machine.type("echo hello $((6*7))\r");
  await runTo(guest, "hello 42\r\n");
  await runCounts(guest, 2);
  expect(guest.machine.console).toContain("hello 42\r\n");
  const numbers = counts(before + guest.machine.console);
  expect(numbers).toEqual(consecutive(numbers.length));
  expect(numbers.length).toBeGreaterThanOrEqual(counts(before).length + 5);
}

describe(`a shell with a counting loop (stops of seed ${SEED})`, { timeout: LIMIT_MS }, () => {
  test.for(tenMoves())(
    "move $number: stopped by $kind $amount, goes on on a machine $destination",
    async ({ kind, amount, destination }, context) => {
      const source = await linuxCounting(context);
      await runToStop(source, { kind, amount });
      const before = source.machine.console;
      const { report, guest } = await migrateLocally(source, factory(context, destination), library, careful);
      expect(report.plan.unknown).toEqual([]);
      expect(report.result.comparison.different).toEqual([]);
      expect(report.result.comparison.fields).toBeGreaterThan(900);
      await expectGoesOn(watchUntilTested(guest), before);
    },
  );

  test("stands still on a cold machine that gets CPU and memory only", async (context) => {
    const source = await linuxCounting(context);
    await runToStop(source, { kind: "accesses", amount: 100 });
    expect(await countsWithout(context, source, "cold", () => false)).toEqual([]);
  });

  test("stands still on a machine after its BIOS that gets CPU and memory only", async (context) => {
    const source = await linuxCounting(context);
    await runToStop(source, { kind: "accesses", amount: 100 });
    expect(await countsWithout(context, source, "after its BIOS", () => false)).toEqual([]);
  });

  test("stands still on a machine after its BIOS that gets all of the plan but the interrupt controllers", async (context) => {
    const source = await linuxCounting(context);
    await runToStop(source, { kind: "accesses", amount: 100 });
    const others = (device: string) => !device.startsWith("pic");
    expect(await countsWithout(context, source, "after its BIOS", others)).toEqual([]);
  });

  test("comes back from a checkpoint", async (context) => {
    const source = await linuxCounting(context);
    await runToStop(source, { kind: "timer handler", amount: 100 });
    const before = source.machine.console;
    const path = join(folder, "linux.checkpoint");
    const { bytes } = await writeCheckpoint(source, path, careful);
    expect(bytes).toBe((await stat(path)).size);
    expect(bytes).toBeLessThan(64 << 20);
    const guest = await restoreCheckpoint(path, factory(context, "cold"), library, careful);
    await expectGoesOn(watchUntilTested(guest), before);
  });

  test("is moved on from machine to machine, each knowing only what the last one sent", async (context) => {
    let guest: RunningGuest = await linuxCounting(context);
    let before = "";
    for (let move = 0; move < 3; move++) {
      await runToStop(guest, { kind: "accesses", amount: 200 + 100 * move });
      before += guest.machine.console;
      guest = watchUntilTested((await migrateLocally(guest, factory(context, "cold"), library, careful)).guest);
    }
    await expectGoesOn(guest, before);
  });
});

/** The numbers a guest counts in 3 s on a machine that gets CPU, memory and the steps of these devices only. */
async function countsWithout(
  context: TestContext,
  source: LinuxGuest,
  destination: Move["destination"],
  devices: (name: string) => boolean,
): Promise<number[]> {
  const { plan } = await planFor(source, careful);
  const { engine, engineVersion, memorySize } = source.machine;
  const hello = { version: 2, engine, engineVersion, memorySize, guest: "linux" } as const;
  const machine = await factory(context, destination)(hello);
  machines.push(machine);
  await machine.restore(source.machine.body());
  await carryOut(
    plan.steps.filter(({ device }) => devices(device)),
    machine.ports,
  );
  // A guest that runs into what v86 does not model has come to its end as well.
  await machine.run({ guestMs: 3_000, wallMs: 60_000 }).catch((error: unknown) => {
    if (!(error instanceof V86Error)) throw error;
  });
  return counts(machine.console);
}
