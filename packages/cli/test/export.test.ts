import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { readPerfetto } from "../../../test-support/perfetto.ts";
import { program } from "../../../test-support/program.ts";
import { protobufDecoder } from "../../../test-support/protobuf.ts";
import { Workplace } from "./support/portrait.ts";
import { picAndUart, TraceScript } from "./support/traces.ts";

const place = new Workplace();
const read = (name: string): string => readFileSync(place.path(name), "utf8");

beforeAll(async () => {
  const script = picAndUart().outs(0x402, Buffer.from("Hi")).gap("nobody looked", 3).outs(0x402, undefined, 5);
  await script.in(0x1f0, 0x1234, 16).save(place.path("t.pio"));
  await new TraceScript({ clock: "none" }).out(0x20, 0x11).out(0x21, 0x30).save(place.path("timeless.pio"));
});
afterAll(() => {
  place.remove();
});

describe("portrait export", () => {
  test.each(["ndjson", "csv", "plain"])("--to %s is what inspect prints", (format) => {
    const { status, stderr } = place.run("export", "t.pio", "--to", format, "-o", `t.${format}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(read(`t.${format}`)).toBe(place.run("inspect", "t.pio", "-o", format).stdout);
  });

  test("plain text is imported as the same trace, and exported as the same text", () => {
    expect(place.run("export", "t.pio", "--to", "plain", "-o", "a.txt").status).toBe(0);
    expect(place.run("import", "a.txt", "-o", "a.pio").status).toBe(0);
    expect(place.run("diff", "t.pio", "a.pio", "--exact").status).toBe(0);
    expect(place.run("export", "a.pio", "--to", "plain", "-o", "-").stdout).toBe(read("a.txt"));
  });

  test("what is left out by a filter is a gap when it comes back", () => {
    place.run("export", "t.pio", "--to", "plain", "--filter", "port == 0x21", "--seq", "..4", "-o", "pic.txt");
    expect(place.run("import", "pic.txt", "-o", "pic.pio").status).toBe(0);
    const { stdout } = place.run("inspect", "pic.pio");
    expect(stdout).toContain("gap: left out of the log (1 access lost)");
    expect(stdout).toContain("pic1.(ICW2|ICW3|ICW4|OCW1) <= 0x30");
  });

  test("a qtest script has every access in order, and says what it cannot have", () => {
    const { status, stderr } = place.run("export", "t.pio", "--to", "qtest", "-o", "t.qtest");
    expect(status).toBe(0);
    expect(stderr).toBe("portrait: t.qtest: not in it: 4 elements of string accesses, which were not observed\n");
    const lines = read("t.qtest").trimEnd().split("\n");
    expect(lines.slice(0, 2)).toEqual(["outb 0x20 0x11", "outb 0x21 0x30"]);
    expect(lines.slice(-4)).toEqual(["outb 0x402 0x48", "outb 0x402 0x69", "outb 0x402 0x0", "inw 0x1f0"]);
  });

  test("QEMU takes the qtest script", async (context) => {
    const command = need(context, program("qemu-system-i386"));
    place.run("export", "t.pio", "--to", "qtest", "-o", "q.qtest");
    const script = read("q.qtest");
    const qemu = spawn(command, ["-machine", "pc,accel=qtest", "-display", "none", "-nodefaults", "-qtest", "stdio"]);
    onTestFinished(() => void qemu.kill("SIGKILL"));
    let answers = "";
    qemu.stdout.on("data", (bytes: Buffer) => {
      answers += bytes.toString();
      if (answers.match(/^OK/gm)?.length === script.trimEnd().split("\n").length) qemu.stdin.end();
    });
    qemu.stdin.write(script);
    await once(qemu.stdin, "close");
    expect(answers).not.toContain("FAIL");
  });

  test("a Perfetto trace has a track for each device and register, and what inspect says of each access", (context) => {
    const decode = need(context, protobufDecoder());
    expect(place.run("export", "t.pio", "--to", "perfetto", "-o", "t.perfetto").status).toBe(0);
    const instants = readPerfetto(decode, readFileSync(place.path("t.perfetto")));
    expect(instants[0]).toEqual({
      time: 1000,
      track: ["pic1", "ICW1"],
      name: "<= 0x11",
      annotations: {
        seq: 0,
        direction: "out",
        port: 0x20,
        width: 8,
        value: 0x11,
        verdict: "state",
        criteria: "port direction data",
        fields: { IC4: 1, SNGL: 0, ADI: 0, LTIM: 0, A7_5: 0 },
      },
    });
    expect(instants).toContainEqual({
      time: 17_000,
      track: ["markers and gaps"],
      name: "printed H",
      annotations: { "before access": 17 },
    });
    expect(instants.find(({ track }) => track[0] === "no description")).toMatchObject({
      track: ["no description", "0x9999"],
      annotations: { verdict: "unknown", value: 1 },
    });
    const printed = place.run("inspect", "t.pio", "-o", "ndjson").stdout.trimEnd().split("\n");
    expect(instants.length).toBe(printed.length);
  });

  test("a trace without a clock is laid out by its numbers, and that is said", (context) => {
    const decode = need(context, protobufDecoder());
    const { status, stderr } = place.run("export", "timeless.pio", "--to", "perfetto", "-o", "n.perfetto");
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: "portrait: n.perfetto: not in it: times: the trace has none, and access n stands at n microseconds\n",
    });
    expect(readPerfetto(decode, readFileSync(place.path("n.perfetto"))).map(({ time }) => time)).toEqual([0, 1000]);
  });

  test("the file that is read is not overwritten", () => {
    expect(place.run("export", "t.pio", "--to", "csv", "-o", "t.pio").status).toBe(2);
    expect(place.run("verify", "t.pio").status).toBe(0);
  });
});
