import { once } from "node:events";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { numbersIn } from "../../vmm/test/support/serial-console.ts";
import { control } from "../../vmm/test/support/watched-qemu.ts";
import { ended, Workplace } from "./support/portrait.ts";
import { addressOf, letRun, logged, machines, qemus, record, tickerImage, tickerOn } from "./support/recorded-qemu.ts";

const place = new Workplace();
afterAll(() => place.remove());

const tickers = (context: TestContext, machine: readonly string[] = machines.pc) =>
  qemus(place, need(context, program("qemu-system-i386")), tickerOn(machine));

describe("a guest of a QEMU", { timeout: 60_000 }, () => {
  const ways = { "stopped first": [], running: ["--precopy"] };
  const cases = Object.entries(machines).flatMap(([name, machine]) =>
    Object.entries(ways).map(([way, options]) => ({ name, machine, way, options })),
  );

  test.for(cases)(
    "goes on on another $name, $way, while it is recorded, and the report is as the contract says",
    async ({ name, machine, way, options }, context) => {
      const trace = place.path(`${name}-${way}.pio`);
      const ticker = tickers(context, machine);
      const source = await ticker.startRecorded(trace);
      await source.console.untilNumbers("tick", 5);
      const target = await ticker.startWaiting();
      const migrate = place.start(
        "migrate",
        "--from",
        `qemu:${source.qmp2}`,
        "--trace",
        trace,
        "--to",
        addressOf(target),
        "-o",
        "json",
        ...options,
      );
      const { status, stdout, stderr } = await ended(migrate);
      expect([status, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({
        rounds: options.length + 1,
        stops: { count: expect.any(Number), busy: expect.any(Array) },
        plan: { kept: expect.any(Number) },
        verify: { different: [], devices: expect.arrayContaining([expect.objectContaining({ device: "i8259[0]" })]) },
      });
      await target.console.untilNumbers("tick", 5);
      const all = numbersIn(source.console.text + target.console.text, "tick");
      expect(all).toEqual(all.map((_, i) => i + 1));
    },
  );

  test.for(Object.entries(ways))(
    "goes on on another QEMU through a second portrait, $0",
    async ([way, options], context) => {
      const trace = place.path(`b-${way}.pio`);
      const ticker = tickers(context);
      const source = await ticker.startRecorded(trace);
      await source.console.untilNumbers("tick", 3);
      const target = await ticker.startWaiting();
      const meeting = `unix:${place.path(`meeting-${way.length}`)}`;
      const receive = place.start("receive", meeting, "--on", addressOf(target));
      await once(receive.stderr ?? receive, "data");
      const received = ended(receive);
      const from = ["--from", `qemu:${source.qmp2}`, "--trace", trace];
      const migrate = place.start("migrate", ...from, "--to", meeting, ...options);
      expect((await ended(migrate)).status).toBe(0);
      expect(await received).toMatchObject({ status: 0, stderr: expect.stringContaining("runs on") });
      await target.console.untilNumbers("tick", 3);
      const all = numbersIn(source.console.text + target.console.text, "tick");
      expect(all).toEqual(all.map((_, i) => i + 1));
    },
  );

  test("that has not run is recorded from its first instruction on, and taken away, by one command", async (context) => {
    const trace = place.path("own.pio");
    const ticker = tickers(context);
    const source = await ticker.start();
    const target = await ticker.startWaiting();
    const from = ["--from", `qemu:${source.qmp}`, "--trace", trace, "--until", "1"];
    const migrate = place.start("migrate", ...from, "--precopy", "--to", addressOf(target), "-o", "json");
    const { status, stdout } = await ended(migrate);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rounds: 2, verify: { different: [] } });
    await target.console.untilNumbers("tick", 3);
    const all = numbersIn(source.console.text + target.console.text, "tick");
    expect(all).toEqual(all.map((_, i) => i + 1));
    expect(source.console.numbers("tick").length).toBeGreaterThan(0);
    expect(place.run("verify", trace).status).toBe(0);
    expect(await logged(source)).toEqual([]);
  });

  test("that was recorded too late, or is not recorded, goes on where it is", async (context) => {
    const trace = place.path("c.pio");
    const ticker = tickers(context);
    const source = await ticker.start();
    const to = addressOf(await ticker.startWaiting());
    await letRun(source);
    await source.console.untilNumbers("tick", 2);
    const recorder = await record(place, source, trace);
    const migrate = () => ended(place.start("migrate", "--from", `qemu:${source.qmp2}`, "--trace", trace, "--to", to));
    const late = await migrate();
    expect(late).toMatchObject({ status: 3, stderr: expect.stringMatching(/goes on on the source.*--allow-unknown/s) });
    await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
    await recorder.stop();
    expect(place.shell("mkfifo pipe").status).toBe(0);
    for (const pipe of ["pipe", "-"]) {
      const piped = place.start("migrate", "--from", `qemu:${source.qmp2}`, "--trace", pipe, "--to", to);
      expect(await ended(piped)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/(pipe|-) is not a file; .*record/),
      });
    }
    const unrecorded = await migrate();
    expect(unrecorded).toMatchObject({ status: 2, stderr: expect.stringMatching(/c\.pio does not go on; .*record/s) });
    await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
  });

  test("goes on where it is when its destination lacks a device with memory, whose QEMU ends", async (context) => {
    const trace = place.path("d.pio");
    const source = await tickers(context, [...machines.pc, "-device", "bochs-display"]).startRecorded(trace);
    const to = addressOf(await tickers(context).startWaiting());
    await source.console.untilNumbers("tick", 2);
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", trace];
    const migrated = await ended(place.start("migrate", ...from, "--to", to));
    expect(migrated).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/goes on on the source.*QEMU ended .*command line must be the source's/s),
    });
    await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
  });

  test("does not go to a QEMU on which it would lose its network, which goes on waiting", async (context) => {
    const trace = place.path("e.pio");
    const tickersWith = (...cards: readonly string[]) => tickers(context, [...machines.pc, ...cards]);
    const models = ["ne2k_pci", "pcnet", "rtl8139", "e1000", "virtio-net-pci", "ne2k_isa"];
    const cardsOf = (prefix: string, netdev = (id: string) => `,netdev=${id}`) =>
      models.flatMap((model, i) => [
        ...["-netdev", `user,id=net${i},restrict=on`],
        ...["-device", `${model},mac=${prefix}:0${i}${netdev(`net${i}`)}`],
      ]);
    const [here, there] = ["52:54:00:00:00", "52:54:00:00:01"];
    const cards = cardsOf(here);
    const source = await tickersWith(...cards).startRecorded(trace);
    await source.console.untilNumbers("tick", 2);
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", trace];

    const faultsOf = (fault: (i: number) => string) =>
      models.map((model, i) => `its ${model} at \\S+ \\S+ ${fault(i)}`);
    const cases = [
      [cardsOf(there), faultsOf((i) => `has the address ${here}:0${i} at the source and ${there}:0${i} here`)],
      [cardsOf(here, () => ""), faultsOf(() => "is plugged in at the source and into nothing here")],
      [["-device", "pcnet"], faultsOf((i) => (i === 0 ? "is a pcnet here" : "is not there"))],
    ] as const;
    for (const [other, faults] of cases) {
      const target = await tickersWith(...other).startWaiting();
      const { status, stderr } = await ended(place.start("migrate", ...from, "--precopy", "--to", addressOf(target)));
      const [remark, message = ""] = stderr.split("\n");
      expect([status, remark]).toEqual([2, expect.stringMatching(/the guest goes on on the source$/)]);
      expect(message).toMatch(/^portrait: the guest would lose its network on this machine: .*; it needs the source/);
      for (const fault of faults) expect(message).toMatch(new RegExp(fault));
      await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
      expect(await control(target, (qmp) => qmp.execute("query-status"))).toMatchObject({ status: "inmigrate" });
    }
    const target = await tickersWith(...cards).startWaiting();
    const moved = await ended(place.start("migrate", ...from, "--to", addressOf(target)));
    expect(moved).toMatchObject({ status: 0, stderr: "" });
    await target.console.untilNumbers("tick", 3);
  });

  test("does not go to such a QEMU through a second portrait or from a checkpoint either", async (context) => {
    const trace = place.path("f.pio");
    const tickersWith = (...cards: readonly string[]) => tickers(context, [...machines.pc, ...cards]);
    const source = await tickersWith("-nic", "user,restrict=on,model=pcnet").startRecorded(trace);
    await source.console.untilNumbers("tick", 2);
    const target = await tickersWith("-device", "pcnet").startWaiting();
    const from = ["--from", `qemu:${source.qmp2}`, "--trace", trace];
    const refusal = expect.stringMatching(/lose its network.*its pcnet at pci\.0 02\.0 is plugged in at the source/);

    const meeting = `unix:${place.path("meeting")}`;
    const receive = place.start("receive", meeting, "--on", addressOf(target));
    await once(receive.stderr ?? receive, "data");
    const received = ended(receive);
    const migrated = await ended(place.start("migrate", ...from, "--to", meeting));
    expect(migrated).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/the destination refused: the guest would/),
    });
    for (const { status, stderr } of [migrated, await received]) expect([status, stderr]).toEqual([2, refusal]);

    expect((await ended(place.start("checkpoint", ...from, "-o", "f.checkpoint"))).status).toBe(0);
    const restored = await ended(place.start("restore", "f.checkpoint", "--to", addressOf(target)));
    expect(restored).toMatchObject({ status: 2, stderr: refusal });
    expect(await control(target, (qmp) => qmp.execute("query-status"))).toMatchObject({ status: "inmigrate" });
    await source.console.untilNumbers("tick", source.console.numbers("tick").length + 2);
  });

  test("or of v86 does not go to the other, and a destination needs both its sockets", () => {
    const cases = [
      [["--from", "qemu:/a", "--to", "v86", "--trace", "a.pio"], /cannot go on on v86/],
      [["--from", "qemu:/a", "--to", "qemu:/b,qtest=/c"], /say with --trace/],
      [["--guest", tickerImage, "--to", "qemu:/b,qtest=/c"], /cannot go on on a QEMU/],
      [["--from", "qemu:/a", "--to", "qemu:/b", "--trace", "a.pio"], /needs a qtest socket/],
      [["--from", "kvm", "--to", "v86"], /Expected v86 or qemu:/],
    ] as const;
    for (const [options, message] of cases) {
      const { status, stderr } = place.run("migrate", ...options);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});
