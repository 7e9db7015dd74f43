import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { holdQtest } from "./support/held-qtest.ts";
import { ended, Workplace, type Ended } from "./support/portrait.ts";
import { addressOf, letRun, machines, qemus, tickerOn, type GuestQemu } from "./support/recorded-qemu.ts";

/** Every wait is over before; all are waited for at the same time. */
const LIMIT_MS = 120_000;
const READY = Buffer.from("\x10\x02\0\0\0{}");
const STAYS = /^portrait: the migration did not happen; the guest goes on on the source\n/;
const waitedFor = (what: string) => ({ status: 2, stderr: expect.stringContaining(`portrait: waited ${what}\n`) });

const place = new Workplace();
afterAll(() => place.remove());

const tickers = (context: TestContext) =>
  qemus(place, need(context, program("qemu-system-i386")), tickerOn(machines.pc));

/** Waits until the guest has printed some more. */
async function ticksOn({ console }: GuestQemu): Promise<void> {
  await console.untilNumbers("tick", console.numbers("tick").length + 3);
}

/** A second portrait stands still from its start on, or while the guest's devices are rebuilt. Gives how the first one ends. */
async function receiverStops(context: TestContext, when: "at once" | "at the plan"): Promise<Ended> {
  const name = when.replaceAll(" ", "-");
  const source = await tickers(context).startRecorded(place.path(`${name}.pio`));
  await source.console.untilNumbers("tick", 2);
  const target = await tickers(context).startWaiting();
  const qtest = await holdQtest(place.path(`${name}.qtest`), target.qtest);
  const meeting = `unix:${place.path(name)}`;
  const receive = place.start("receive", meeting, "--on", `qemu:${target.qmp},qtest=${qtest.path}`);
  await once(receive.stderr ?? receive, "data");
  const received = ended(receive);
  if (when === "at once") receive.kill("SIGSTOP");
  else void qtest.held.then(() => receive.kill("SIGSTOP"));
  const from = ["--from", `qemu:${source.qmp2}`, "--trace", place.path(`${name}.pio`)];
  const migrated = await ended(place.start("migrate", ...from, "--to", meeting));
  await ticksOn(source);
  const gone = once(target.process, "exit");
  qtest.release();
  receive.kill("SIGCONT");
  expect((await received).status).toBe(2);
  if (when === "at the plan") await gone;
  expect(target.console.text).toBe("");
  return migrated;
}

/** The portrait that sends the guest stands still while it reads its registers. Gives how the other one ends. */
async function senderStops(context: TestContext): Promise<Ended> {
  const source = await tickers(context).startRecorded(place.path("sender.pio"));
  await source.console.untilNumbers("tick", 2);
  const target = await tickers(context).startWaiting();
  const meeting = `unix:${place.path("sender")}`;
  const receive = place.start("receive", meeting, "--on", addressOf(target));
  await once(receive.stderr ?? receive, "data");
  const received = ended(receive);
  const qtest = await holdQtest(place.path("sender.qtest"), source.qtest);
  const from = ["--from", `qemu:${source.qmp2},qtest=${qtest.path}`, "--trace", place.path("sender.pio")];
  const migrate = place.start("migrate", ...from, "--to", meeting);
  const migrated = ended(migrate);
  await qtest.held;
  migrate.kill("SIGSTOP");
  const waited = await received;
  qtest.release();
  migrate.kill("SIGCONT");
  expect(await migrated).toMatchObject({ status: 2, stderr: expect.stringMatching(STAYS) });
  await ticksOn(source);
  return waited;
}

/** The guest's own QEMU stands still while its registers are read, and does not hear that the guest is to go on. Gives how the portrait ends. */
async function sourceStops(context: TestContext): Promise<Ended> {
  const source = await tickers(context).startRecorded(place.path("source.pio"));
  await source.console.untilNumbers("tick", 2);
  const target = await tickers(context).startWaiting();
  const qtest = await holdQtest(place.path("source.qtest"), source.qtest);
  const from = ["--from", `qemu:${source.qmp2},qtest=${qtest.path}`, "--trace", place.path("source.pio")];
  const migrated = ended(place.start("migrate", ...from, "--to", addressOf(target)));
  await qtest.held;
  source.process.kill("SIGSTOP");
  const end = await migrated;
  source.process.kill("SIGCONT");
  await letRun(source);
  await ticksOn(source);
  return end;
}

/** The other side is ready, and takes nothing. Gives how this one ends. */
async function receiverTakesNothing(context: TestContext): Promise<Ended> {
  const image = fileURLToPath(new URL("../../../fixtures/guests/writer.bin", import.meta.url));
  const options = [...machines.pc, "-m", "32", "-bios", image];
  const writer = qemus(place, need(context, program("qemu-system-i386")), options);
  const source = await writer.startRecorded(place.path("nothing.pio"));
  await source.console.untilNumbers("pass", 3);
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => undefined).write(READY);
    onTestFinished(() => void socket.destroy());
  });
  onTestFinished(() => void server.close());
  server.listen(place.path("nothing"));
  const from = ["--from", `qemu:${source.qmp2}`, "--trace", place.path("nothing.pio")];
  const migrated = await ended(place.start("migrate", ...from, "--to", `unix:${place.path("nothing")}`));
  await source.console.untilNumbers("pass", source.console.numbers("pass").length + 3);
  expect(source.console.text).not.toContain("lost");
  return migrated;
}

test(
  "a portrait that stands still ends a migration at the other end, whose QEMU goes on or is ended",
  { timeout: LIMIT_MS },
  async (context) => {
    const [atOnce, atThePlan, nothing, noStart, source] = await Promise.all([
      receiverStops(context, "at once"),
      receiverStops(context, "at the plan"),
      receiverTakesNothing(context),
      senderStops(context),
      sourceStops(context),
    ]);
    for (const { stderr } of [atOnce, atThePlan, nothing]) expect(stderr).toMatch(STAYS);
    expect(atOnce).toMatchObject(waitedFor("30 s for the destination's READY"));
    expect(atThePlan).toMatchObject(waitedFor("30 s for the destination's comparison"));
    expect(nothing).toMatchObject(waitedFor("45 s for the next part of the image to be taken"));
    expect(source).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/source does not answer; .*"cont".*\n.* in 10 s\n/),
    });
    expect(noStart).toMatchObject(waitedFor("30 s for the start of an image"));
  },
);
