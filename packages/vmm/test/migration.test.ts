import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, Writable } from "node:stream";
import { Classifier } from "@portrait/classifier";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  migrateLocally,
  MigrationError,
  receiveGuest,
  Recorder,
  restoreCheckpoint,
  sendGuest,
  writeCheckpoint,
  type BuiltGuest,
} from "../src/index.ts";
import { bootTicker, coldMachine, library, runTicks, ticks, watch, type RunningGuest } from "./support/ticker.ts";

const careful = { allowUnknown: false, allowDifferent: false };

/** The numbers from the first to the last, with none left out. */
const consecutive = (first: number, count: number) => [...Array(count).keys()].map((i) => first + i);

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "portrait-migration-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("a ticking guest", () => {
  test("goes on on a second machine with its count unbroken, and no device field differs without a reason", async () => {
    const source = await bootTicker();
    await runTicks(source, 7);
    const last = ticks(source.machine.console).at(-1) ?? 0;
    const { report, guest } = await migrateLocally(source, coldMachine, library, careful);
    expect(report.result.comparison.different).toEqual([]);
    expect(report.result.comparison.fields).toBeGreaterThan(500);
    expect(report.plan.unknown).toEqual([]);
    expect(await runTicks(watch(guest), 5)).toEqual(consecutive(last + 1, 5));
  });

  test("answers what is typed on the second machine", async () => {
    const source = await bootTicker();
    await runTicks(source, 3);
    const { guest } = await migrateLocally(source, coldMachine, library, careful);
    const moved = watch(guest);
    moved.machine.type("hello there\r");
    await runTicks(moved, 2);
    expect(moved.machine.console).toContain("you typed: hello there\r\n");
  });

  test("stands still on a second machine without the plan", async () => {
    const source = await bootTicker();
    await runTicks(source, 3);
    const { memorySize } = source.machine;
    const machine = await coldMachine({
      memorySize,
      version: 2,
      engine: "",
      engineVersion: "",
      guest: "",
    });
    await machine.restore(source.machine.body());
    await machine.run({ guestMs: 2_000, wallMs: 5_000 });
    expect(ticks(machine.console)).toEqual([]);
  });

  test("stays where it is if a field differs that may not: the devices are named, and what it reached through memory", async () => {
    const source = await bootTicker();
    await runTicks(source, 3);
    const reaching = { ...source, memoryMapped: () => ["ioapic", "hpet"] };
    const nothingMayDiffer = { ...library, devices: [] };
    await expect(migrateLocally(reaching, coldMachine, nothingMayDiffer, careful)).rejects.toMatchObject({
      code: "VERIFY",
      message: expect.stringMatching(
        /differs in 1 field after the plan \(\w+ 1\): .*through memory as well, .*: ioapic, hpet$/,
      ),
    });
    expect(await runTicks(source, 2)).toEqual(consecutive(1, 5));
  });

  test("moves ten times, back and forth, at stops that do not wait for a good moment", async () => {
    let guest: RunningGuest = await bootTicker();
    let seen = await runTicks(guest, 2);
    for (let move = 0; move < 10; move++) {
      const accesses = guest.machine.accessCount + 37 + 61 * move;
      await guest.recorder.run({ accesses, wallMs: 10_000 });
      seen = [...seen, ...ticks(guest.machine.console).filter((tick) => tick > (seen.at(-1) ?? 0))];
      const { guest: built } = await migrateLocally(guest, coldMachine, library, careful);
      await guest.machine.destroy();
      guest = watch(built);
      const first = seen.length;
      seen = [...seen, ...(await runTicks(guest, 2)).slice(0)];
      expect(seen.length).toBeGreaterThan(first);
    }
    // A line that a stop cut in two is printed half here and half there, so it is in neither console whole.
    const missing = consecutive(1, seen.at(-1) ?? 0).filter((tick) => !seen.includes(tick));
    expect(missing.length).toBeLessThanOrEqual(10);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe("a checkpoint", () => {
  test("brings the guest back after its machine is gone", async () => {
    const source = await bootTicker();
    await runTicks(source, 4);
    const last = ticks(source.machine.console).at(-1) ?? 0;
    const path = join(folder, "guest.checkpoint");
    await writeCheckpoint(source, path, careful);
    await source.machine.destroy();
    const restored = await restoreCheckpoint(path, coldMachine, library, careful);
    expect(await runTicks(watch(restored), 3)).toEqual(consecutive(last + 1, 3));
  });

  test("lets the source run on, so that both go on from one moment (clone)", async () => {
    const source = await bootTicker();
    const before = (await runTicks(source, 4)).length;
    const { guest } = await migrateLocally(source, coldMachine, library, careful);
    const mine = (await runTicks(source, 3)).slice(before);
    const theirs = await runTicks(watch(guest), 3);
    expect(theirs).toEqual(mine);
  });

  test("that is damaged is refused, wherever the damage is", async () => {
    const source = await bootTicker();
    await runTicks(source, 1);
    const path = join(folder, "guest.checkpoint");
    await writeCheckpoint(source, path, careful);
    const whole = await readFile(path);
    for (let i = 1; i <= 12; i++) {
      const flipped = Buffer.from(whole);
      const at = Math.floor((whole.length * i) / 13);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      for (const bytes of [flipped, whole.subarray(0, at)]) {
        await writeFile(path, bytes);
        const restored = restoreCheckpoint(path, coldMachine, library, careful);
        await expect(restored).rejects.toMatchObject({
          name: "MigrationError",
          code: expect.stringMatching(/FORMAT|PEER/),
        });
      }
    }
  });

  test("of a guest recorded too late is refused, and names the registers", async () => {
    const source = await bootTicker();
    await source.machine.run({ until: () => ticks(source.machine.console).length > 2, wallMs: 10_000 });
    const classifier = new Classifier(library, { fromReset: false });
    const late = { ...source, classifier };
    const written = writeCheckpoint(late, join(folder, "late.checkpoint"), careful);
    await expect(written).rejects.toMatchObject({
      code: "UNKNOWN_STATE",
      message: expect.stringMatching(/pic1 \(ICW1.*--allow-unknown/s),
    });
  });
});

/** A connection over a Unix socket, both ends. */
async function connect(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const path = join(folder, "socket");
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const near = createConnection(path);
  const far = await accepted;
  near.on("error", () => undefined);
  far.on("error", () => undefined);
  return {
    near,
    far,
    close: () => {
      near.destroy();
      far.destroy();
      server.close();
    },
  };
}

/** A connection that breaks once more than `bytes` were written to it. */
function cutAfter(socket: Socket, bytes: number): Duplex {
  let left = bytes;
  const writable = new Writable({
    write: (chunk: Uint8Array, _, done) => {
      left -= chunk.length;
      if (left < 0) socket.destroy();
      socket.write(chunk, done);
    },
  });
  return Duplex.from({ readable: socket, writable });
}

describe("over a socket", () => {
  test("the guest goes on at the other end", async () => {
    const source = await bootTicker();
    const last = (await runTicks(source, 3)).at(-1) ?? 0;
    const { near, far, close } = await connect();
    const [report, guest] = await Promise.all([
      sendGuest(source, near, careful),
      receiveGuest(far, coldMachine, library),
    ]);
    close();
    expect(report.memoryBytes).toBeGreaterThan(0);
    expect(report.confirmed).toBe(true);
    expect(await runTicks(watch(guest), 3)).toEqual(consecutive(last + 1, 3));
  });

  test.each([0, 1, 5, 100, 5_000, 20_000, 60_000])(
    "the source goes on when the connection breaks after %i bytes",
    async (bytes) => {
      const source = await bootTicker();
      const before = (await runTicks(source, 3)).length;
      const { near, far, close } = await connect();
      const cut = cutAfter(near, bytes);
      const receiving: Promise<BuiltGuest> = receiveGuest(far, coldMachine, library);
      const outcomes = await Promise.allSettled([sendGuest(source, cut, careful), receiving]);
      close();
      expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect((await runTicks(source, 3)).slice(before)).toHaveLength(3);
    },
  );

  test("the source says so when it has given the guest up and hears no more of it", async () => {
    const source = await bootTicker();
    await runTicks(source, 3);
    const { near, far, close } = await connect();
    const commit = 19;
    const writable = new Writable({
      write: (chunk: Uint8Array, _, done) => {
        if (chunk.length === 5 && chunk[0] === commit) near.destroy();
        else near.write(chunk);
        done();
      },
    });
    const cut = Duplex.from({ readable: near, writable });
    const outcomes = await Promise.allSettled([
      sendGuest(source, cut, careful),
      receiveGuest(far, coldMachine, library),
    ]);
    close();
    expect(outcomes).toMatchObject([{ status: "fulfilled", value: { confirmed: false } }, { status: "rejected" }]);
  });

  test.each([
    [
      "goes on when the guest certainly does not run at the destination",
      new MigrationError("MISMATCH", "no disk"),
      { status: "rejected", reason: { code: "DECLINED", message: expect.stringContaining("no disk") } },
    ],
    [
      "gives the guest up when nobody knows whether it runs",
      new Error("no answer"),
      { status: "fulfilled", value: { confirmed: false } },
    ],
  ])("the source %s", async (_, failure, outcome) => {
    const source = await bootTicker();
    await runTicks(source, 3);
    const { near, far, close } = await connect();
    const sending = Promise.allSettled([sendGuest(source, near, careful)]);
    const begin = () => Promise.reject(failure);
    await expect(receiveGuest(far, coldMachine, library, begin)).rejects.toBe(failure);
    far.destroy();
    expect(await sending).toMatchObject([outcome]);
    close();
  });

  test("the source goes on when the destination cannot take the guest, and is told why", async () => {
    const source = await bootTicker();
    const before = (await runTicks(source, 3)).length;
    const { near, far, close } = await connect();
    const refusing = () => Promise.reject(new Error("no room for 4 MiB"));
    const outcomes = await Promise.allSettled([sendGuest(source, near, careful), receiveGuest(far, refusing, library)]);
    close();
    expect(outcomes[0]).toMatchObject({
      status: "rejected",
      reason: { code: "DECLINED", message: expect.stringMatching(/no room for 4 MiB/) },
    });
    expect((await runTicks(source, 3)).slice(before)).toHaveLength(3);
  });
});

test("a recorder that cannot write stops the guest and says why", async () => {
  const { machine } = await bootTicker();
  const { TraceWriter } = await import("@portrait/tracer");
  let room = 200;
  const sink = {
    write: (bytes: Uint8Array) => {
      room -= bytes.length;
      return room < 0 ? Promise.reject(new Error("no space left on device")) : Promise.resolve();
    },
  };
  const writer = new TraceWriter(sink, {
    clock: "us",
    startedAt: undefined,
    machine: { engine: "v86", engineVersion: "", guest: "ticker", host: "", decodesAliases: false },
    command: [],
    fromReset: true,
    ports: [],
    descriptions: [],
  });
  const recorder = new Recorder(machine, { writer });
  await expect(recorder.run({ wallMs: 10_000, guestMs: 60_000 })).rejects.toMatchObject({ code: "TRACE_SINK" });
});
