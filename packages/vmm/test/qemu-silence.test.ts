import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test, type TestContext } from "vitest";
import { QtestTarget } from "../src/index.ts";
import { OutgoingStream } from "../src/qemu/migration/outgoing.ts";
import { runState } from "../src/qemu/migration/status.ts";
import { after } from "./support/bodies.ts";
import { struck, type Moment } from "./support/struck-target.ts";
import { control, type WatchedQemu } from "./support/watched-qemu.ts";
import { expectGoesOn, migrate, startWaiting, writing, type Changes } from "./support/writer-guest.ts";

/** Every wait is over before; all are waited for at the same time. */
const LIMIT_MS = 150_000;
/** How many chunks of a stream are taken how late: longer, all in all, than QEMU is waited for while nothing comes of it. */
const SLOW_CHUNKS = 24;
const SLOW_MS = 1_500;

/** A migration in which one of the QEMUs stands still from some moment on, and what becomes of it. */
interface Standstill {
  readonly strike: (from: WatchedQemu, to: WatchedQemu) => Changes | Promise<Changes>;
  readonly ends: RegExp;
}

const destinationAt = (moment: Moment): Standstill["strike"] => {
  return (_, to) => ({ target: (target) => void struck(target, to, moment, "SIGSTOP") });
};

const standstills: readonly Standstill[] = [
  {
    strike: (_, to) => {
      to.process.kill("SIGSTOP");
      return {};
    },
    ends: /TIMEOUT: .*no QMP greeting in 5 s/,
  },
  {
    strike: async (_, to) => {
      const other = await QtestTarget.connect(to.qtest);
      onTestFinished(() => other.close());
      return {};
    },
    ends: /TIMEOUT: .*qtest: no answer in 10 s; .*serves another client/,
  },
  { strike: destinationAt(0), ends: /FORMAT: .*QEMU read nothing of its migration stream for 30 s/ },
  { strike: destinationAt("plan"), ends: /PORT_TARGET: .*no answer to "outb .*" in 10 s/ },
  { strike: destinationAt("comparison"), ends: /TIMEOUT: .*QEMU did not answer xen-save-devices-state in 10 s/ },
  {
    strike: ({ process }) => ({
      source: (source) => {
        const ahead = source.ahead.bind(source);
        source.ahead = (look) => after(ahead(look), 5, () => void process.kill("SIGSTOP"));
      },
    }),
    ends: /TIMEOUT: .*QEMU did not answer query-migrate in 10 s/,
  },
];

/** How a migration ends that does not happen. */
async function end(from: WatchedQemu, to: WatchedQemu, changes: Changes): Promise<string> {
  return migrate(from, to, changes).then(
    () => "it happened",
    ({ code, message }) => `${code}: ${message}`,
  );
}

/** The guest goes on where it is. */
async function staysWhereItIs(context: TestContext, strike: Standstill["strike"]): Promise<string> {
  const [from, to] = [await writing(context), await startWaiting(context)];
  const how = await end(from, to, await strike(from, to));
  from.process.kill("SIGCONT");
  await expectGoesOn(from, from);
  return how;
}

/** The destination stands still when the guest is to begin there, which it may or may not do later. */
async function givesTheGuestUp(context: TestContext): Promise<string> {
  const [from, to] = [await writing(context), await startWaiting(context)];
  const target: Changes["target"] = (made) => {
    const begin = made.begin.bind(made);
    made.begin = () => {
      to.process.kill("SIGSTOP");
      return begin();
    };
  };
  const how = await end(from, to, { target });
  return `${await control(from, runState)}; ${how}`;
}

/** Takes all of a QEMU's stream, and some of it so late that this takes longer than any wait for QEMU. Gives how much that was. */
async function takesItSlowly(context: TestContext): Promise<number> {
  const from = await writing(context);
  return control(from, async (qmp) => {
    await qmp.execute("stop");
    const stream = await OutgoingStream.open(qmp, "one");
    const leaving = stream.switchOver(Promise.resolve());
    let bytes = 0;
    let chunks = 0;
    for await (const chunk of stream.rest()) {
      bytes += chunk.length;
      if (chunks++ < SLOW_CHUNKS) await sleep(SLOW_MS);
    }
    await leaving;
    await stream.completed();
    await stream.close();
    return bytes;
  });
}

test(
  "a QEMU that stands still ends a migration and is named, whenever it does, and one that is only slow is waited for",
  { timeout: LIMIT_MS },
  async (context) => {
    const [ends, givenUp, bytes] = await Promise.all([
      Promise.all(standstills.map(({ strike }) => staysWhereItIs(context, strike))),
      givesTheGuestUp(context),
      takesItSlowly(context),
    ]);
    expect(ends).toEqual(standstills.map(({ ends: how }) => expect.stringMatching(how)));
    expect(givenUp).toMatch(/^postmigrate; GIVEN_UP: .*not known \(.*QEMU did not answer cont in 10 s\)/);
    expect(bytes).toBeGreaterThan(4 << 20);
  },
);
