import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { QmpClient } from "../src/index.ts";
import { fakeQmp, GREETING, ok } from "./support/fake-qmp.ts";
import { startQemu, testFolder } from "./support/qemu-process.ts";

const PAUSED = ["-machine", "pc", "-nodefaults", "-S"];
describe("QEMU's control socket", () => {
  test("gives version, answers in their order, the human monitor and events", async (context) => {
    const { qmp } = await startQemu(need(context, program("qemu-system-i386")), PAUSED);
    const client = await QmpClient.connect(qmp);
    expect(client.version.major).toBeGreaterThanOrEqual(5);
    const [status, name] = await Promise.all([client.execute("query-status"), client.execute("query-name")]);
    expect(status).toMatchObject({ running: false });
    expect(name).toEqual({});
    expect(await client.monitor("info status")).toMatch(/paused/);
    const resumed = client.nextEvent(({ name: event }) => event === "RESUME", "going on", 5_000);
    await client.execute("cont");
    expect(await resumed).toEqual({ name: "RESUME", data: {} });
    client.close();
  });

  test("names the command it refuses, and why", async (context) => {
    const { qmp } = await startQemu(need(context, program("qemu-system-i386")), PAUSED);
    const client = await QmpClient.connect(qmp);
    await expect(client.execute("block_resize", { device: "none", size: 1 })).rejects.toMatchObject({
      code: "COMMAND",
      message: expect.stringMatching(/refused block_resize: .*none/),
    });
    client.close();
  });

  test("ends what is under way when QEMU dies, and what comes after", async (context) => {
    const { qmp, process } = await startQemu(need(context, program("qemu-system-i386")), PAUSED);
    const client = await QmpClient.connect(qmp);
    const waiting = client.nextEvent(() => true, "anything", 10_000);
    process.kill("SIGKILL");
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
    await expect(client.execute("query-status")).rejects.toMatchObject({ code: "CLOSED" });
    expect(await client.ended).toMatchObject({ code: "CLOSED" });
  });

  test("that serves another client already is told from one that is dead", async (context) => {
    const { qmp } = await startQemu(need(context, program("qemu-system-i386")), PAUSED);
    const first = await QmpClient.connect(qmp);
    await expect(QmpClient.connect(qmp)).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/another client/),
    });
    first.close();
  });
});

describe("a socket that is not right", () => {
  test("where nobody listens", async () => {
    await expect(QmpClient.connect(join(testFolder(), "nobody"))).rejects.toMatchObject({ code: "CONNECT" });
  });

  test("of another protocol", async () => {
    const path = await fakeQmp("QEMU 7.2.22 monitor - type 'help' for more information", () => undefined);
    await expect(QmpClient.connect(path)).rejects.toMatchObject({
      code: "PROTOCOL",
      message: expect.stringMatching(/monitor.*-qmp unix:/),
    });
  });

  test("that hangs up", async () => {
    await expect(QmpClient.connect(await fakeQmp(GREETING, () => "hang up"))).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("that turns to nonsense", async () => {
    const client = await QmpClient.connect(await fakeQmp(GREETING, (id) => (id === 1 ? ok(id) : "[1, 2")));
    await expect(client.execute("stop")).rejects.toMatchObject({
      code: "PROTOCOL",
      message: expect.stringMatching(/\[1, 2/),
    });
  });

  test("that does not answer in time, and a late answer is not taken for the next one's", async () => {
    const path = await fakeQmp(GREETING, (id) => {
      if (id === 1) return ok(id);
      return id === 2 ? undefined : `${ok(2, "late")}\n${ok(3, "right")}`;
    });
    const client = await QmpClient.connect(path);
    await expect(client.execute("stop", {}, 50)).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/stop/),
    });
    expect(await client.execute("cont")).toBe("right");
    client.close();
  });

  test("closed here ends what is under way", async () => {
    const client = await QmpClient.connect(await fakeQmp(GREETING, (id) => (id === 1 ? ok(id) : undefined)));
    const waiting = client.execute("stop");
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
  });
});
