import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PortOperation } from "@portrait/replayer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { QtestTarget } from "../src/index.ts";

let folder = "";
let qemu: ChildProcess | undefined;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "portrait-qtest-"));
});
afterEach(async () => {
  qemu?.kill("SIGKILL");
  qemu = undefined;
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

/** A paused QEMU's qtest socket. */
async function startQemu(command: string): Promise<string> {
  const path = join(folder, "qtest");
  const options = ["-machine", "pc", "-nodefaults", "-display", "none", "-S", "-qtest-log", "none"];
  qemu = spawn(command, [...options, "-qtest", `unix:${path},server=on,wait=off`], { stdio: "ignore" });
  for (let i = 0; i < 200 && !existsSync(path); i++) await sleep(25);
  return path;
}

/** A server that answers each line with what `answer` says, or nothing, or hangs up. */
async function startFake(answer: (line: string) => string | undefined): Promise<string> {
  const path = join(folder, "fake");
  server = createServer((socket) => {
    let rest = "";
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      const lines = (rest + bytes.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const text = answer(line);
        if (text === "hang up") socket.destroy();
        else if (text !== undefined) socket.write(`${text}\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

const out = (port: number, value: number, width: 8 | 16 | 32 = 8): PortOperation => ({
  direction: "out",
  port,
  width,
  value,
});
const into = (port: number, width: 8 | 16 | 32 = 8): PortOperation => ({ direction: "in", port, width });

describe("the ports of a QEMU", () => {
  test("are written and read in all widths, in order, while the guest is paused", async (context) => {
    const target = await QtestTarget.connect(await startQemu(need(context, program("qemu-system-i386"))));
    const operations = [
      out(0x21, 0xa5),
      into(0x21),
      out(0xcf8, 0x8000_0000, 32),
      into(0xcf8, 32),
      into(0xcfc, 16),
      into(0xcfc, 32),
    ];
    // 8086h/1237h is the i440FX host bridge of the pc machine.
    expect(await target.perform(operations)).toEqual([0, 0xa5, 0, 0x8000_0000, 0x8086, 0x1237_8086]);
    target.close();
  });

  test("keep their order over more commands than are sent ahead", async (context) => {
    const target = await QtestTarget.connect(await startQemu(need(context, program("qemu-system-i386"))));
    const operations = [...Array(1500).keys()].flatMap((i) => [out(0x21, i & 0xff), into(0x21)]);
    const read = (await target.perform(operations)).filter((_, i) => i % 2 === 1);
    expect(read).toEqual([...Array(1500).keys()].map((i) => i & 0xff));
    target.close();
  });

  test("break off with a reason when QEMU dies under the commands", async (context) => {
    const target = await QtestTarget.connect(await startQemu(need(context, program("qemu-system-i386"))));
    const performed = target.perform([...Array(200_000).keys()].map(() => into(0x61)));
    qemu?.kill("SIGKILL");
    await expect(performed).rejects.toMatchObject({ name: "QemuError", code: "CLOSED" });
    await expect(target.perform([into(0x61)])).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("a socket that is not right", () => {
  test("where nobody listens", async () => {
    const connecting = QtestTarget.connect(join(folder, "nobody"));
    await expect(connecting).rejects.toMatchObject({
      code: "CONNECT",
      message: expect.stringMatching(/is QEMU running/),
    });
  });

  test("of another protocol", async () => {
    const path = await startFake(() => '{"error": {"class": "GenericError"}}');
    await expect(QtestTarget.connect(path)).rejects.toMatchObject({
      code: "PROTOCOL",
      message: expect.stringMatching(/-qtest unix:/),
    });
  });

  test("that hangs up", async () => {
    const path = await startFake(() => "hang up");
    await expect(QtestTarget.connect(path)).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("that refuses a command", async () => {
    const path = await startFake((line) => (line === "endianness" ? "OK little" : "FAIL Unknown command"));
    const target = await QtestTarget.connect(path);
    await expect(target.perform([out(0x80, 1)])).rejects.toMatchObject({
      code: "COMMAND",
      message: expect.stringMatching(/outb 0x80 0x1/),
    });
    target.close();
  });

  test("that tells of interrupts between its answers", async () => {
    const path = await startFake((line) => (line === "endianness" ? "OK little" : "IRQ raise 0\nOK 0x42"));
    const target = await QtestTarget.connect(path);
    expect(await target.perform([into(0x61), into(0x61)])).toEqual([0x42, 0x42]);
    target.close();
  });
});
