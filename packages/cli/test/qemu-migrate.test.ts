import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test, type TestContext } from "vitest";
import { QmpClient } from "@portrait/vmm";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { startQemu, type QemuProcess } from "../../vmm/test/support/qemu-process.ts";
import { numbersIn, SerialConsole } from "../../vmm/test/support/serial-console.ts";
import { ended, Workplace } from "./support/portrait.ts";

const place = new Workplace();
afterAll(() => place.remove());

const image = fileURLToPath(new URL("../../../fixtures/guests/ticker.bin", import.meta.url));

/** A QEMU with the ticking guest, which has not run, or with these options waits for one. */
interface Ticker extends QemuProcess {
  /** A second QMP socket, beside a recorder's. */
  readonly qmp2: string;
  readonly qtest: string;
  readonly console: SerialConsole;
}

/** Options of the machines that take the guest. Without a local APIC the PIC reaches the CPU by itself. */
const machines = {
  pc: ["-machine", "pc", "-cpu", "qemu32,-apic", "-nodefaults"],
  isapc: ["-machine", "isapc", "-cpu", "486", "-nodefaults"],
  "pc with a VGA": ["-machine", "pc", "-cpu", "qemu32,-apic", "-vga", "std", "-nic", "none"],
};

async function startTicker(
  context: TestContext,
  more: readonly string[] = [],
  machine: readonly string[] = machines.pc,
): Promise<Ticker> {
  const command = need(context, program("qemu-system-i386"));
  const qemu = await startQemu(command, [
    ...[...machine, "-m", "16", "-bios", image, "-S"],
    ...["-qmp", "unix:FOLDER/qmp2,server=on,wait=off", "-serial", "unix:FOLDER/serial,server=on,wait=off"],
    ...["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none", ...more],
  ]);
  const console = await SerialConsole.connect(join(qemu.folder, "serial"));
  return { ...qemu, qmp2: join(qemu.folder, "qmp2"), qtest: join(qemu.folder, "qtest"), console };
}

/** Starts recording a guest; resolves once every access is captured. The recorder ends with the test, or when `stop` is called. */
async function record(source: Ticker, trace: string): Promise<{ stop(): Promise<void> }> {
  const recorder = place.start("record", "--engine", "qemu", "--qmp", source.qmp, "-o", trace);
  const end = ended(recorder);
  const stop = async () => {
    recorder.kill("SIGINT");
    await end;
  };
  onTestFinished(stop);
  const qmp = await QmpClient.connect(source.qmp2);
  for (const name of ["memory_region_ops_read", "memory_region_ops_write", "handle_qmp_command"]) {
    while (!JSON.stringify(await qmp.execute("trace-event-get-state", { name })).includes("enabled")) await sleep(20);
  }
  qmp.close();
  return { stop };
}

async function letRun({ qmp2 }: Ticker): Promise<void> {
  const qmp = await QmpClient.connect(qmp2);
  await qmp.execute("cont");
  qmp.close();
}

/** A guest that is recorded from its first instruction on. */
async function recordedTicker(
  context: TestContext,
  trace: string,
  machine: readonly string[] = machines.pc,
): Promise<Ticker> {
  const source = await startTicker(context, [], machine);
  await record(source, trace);
  await letRun(source);
  return source;
}

describe("a guest of a QEMU", { timeout: 60_000 }, () => {
  test.for(Object.entries(machines))(
    "goes on on another $0 while it is recorded, and the report is as the contract says",
    async ([name, machine], context) => {
      const trace = place.path(`${name}.pio`);
      const source = await recordedTicker(context, trace, machine);
      await source.console.untilNumbers("tick", 5);
      const target = await startTicker(context, ["-incoming", "defer"], machine);
      const to = `qemu:${target.qmp},qtest=${target.qtest}`;
      const migrate = place.start(
        "migrate",
        "--from",
        `qemu:${source.qmp2}`,
        "--trace",
        trace,
        "--to",
        to,
        "-o",
        "json",
      );
      const { status, stdout, stderr } = await ended(migrate);
      expect([status, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({
        rounds: 1,
        plan: { kept: expect.any(Number) },
        verify: { different: [] },
      });
      await target.console.untilNumbers("tick", 5);
      const all = numbersIn(source.console.text + target.console.text, "tick");
      expect(all).toEqual(all.map((_, i) => i + 1));
    },
  );

  test("goes on on another QEMU through a second portrait", async (context) => {
    const trace = place.path("b.pio");
    const source = await recordedTicker(context, trace);
    await source.console.untilNumbers("tick", 3);
    const target = await startTicker(context, ["-incoming", "defer"]);
    const meeting = `unix:${place.path("meeting")}`;
    const receive = place.start("receive", meeting, "--on", `qemu:${target.qmp},qtest=${target.qtest}`);
    await once(receive.stderr ?? receive, "data");
    const received = ended(receive);
    const migrate = place.start("migrate", "--from", `qemu:${source.qmp2}`, "--trace", trace, "--to", meeting);
    expect((await ended(migrate)).status).toBe(0);
    expect(await received).toMatchObject({ status: 0, stderr: expect.stringContaining("runs on") });
    await target.console.untilNumbers("tick", 3);
    const all = numbersIn(source.console.text + target.console.text, "tick");
    expect(all).toEqual(all.map((_, i) => i + 1));
  });

  test("that was recorded too late, or is not recorded, goes on where it is", async (context) => {
    const trace = place.path("c.pio");
    const source = await startTicker(context);
    const target = await startTicker(context, ["-incoming", "defer"]);
    await letRun(source);
    await source.console.untilNumbers("tick", 2);
    const recorder = await record(source, trace);
    const to = `qemu:${target.qmp},qtest=${target.qtest}`;
    const migrate = () => ended(place.start("migrate", "--from", `qemu:${source.qmp2}`, "--trace", trace, "--to", to));
    const late = await migrate();
    expect(late).toMatchObject({ status: 3, stderr: expect.stringMatching(/goes on on the source.*--allow-unknown/s) });
    await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
    await recorder.stop();
    const unrecorded = await migrate();
    expect(unrecorded).toMatchObject({ status: 2, stderr: expect.stringMatching(/c\.pio does not go on; .*record/s) });
    await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
  });

  test("or of v86 does not go to the other, and a destination needs both its sockets", () => {
    const cases = [
      [["--from", "qemu:/a", "--to", "v86", "--trace", "a.pio"], /cannot go on on v86/],
      [["--from", "qemu:/a", "--to", "qemu:/b,qtest=/c"], /say with --trace/],
      [["--guest", image, "--to", "qemu:/b,qtest=/c"], /cannot go on on a QEMU/],
      [["--from", "qemu:/a", "--to", "qemu:/b", "--trace", "a.pio"], /needs a qtest socket/],
      [["--from", "kvm", "--to", "v86"], /Expected v86 or qemu:/],
    ] as const;
    for (const [options, message] of cases) {
      const { status, stderr } = place.run("migrate", ...options);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});
