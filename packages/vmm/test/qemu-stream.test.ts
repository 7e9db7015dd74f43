import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { QmpClient, QtestTarget } from "../src/index.ts";
import { StreamError } from "../src/qemu/stream/errors.ts";
import { isDevice, KEPT_SECTIONS, strippedTail } from "../src/qemu/stream/kept-sections.ts";
import { StreamScanner } from "../src/qemu/stream/stream-scanner.ts";
import type { StreamTail } from "../src/qemu/stream/tail.ts";
import { startQemu } from "./support/qemu-process.ts";

const machines = {
  pc: ["-machine", "pc", "-vga", "std"],
  isapc: ["-machine", "isapc", "-cpu", "486"],
  "pc with a network card": ["-machine", "pc", "-nodefaults", "-device", "ne2k_pci"],
  "pc with a virtio disk": ["-machine", "pc", "-nodefaults", "-drive", "if=virtio,driver=null-co"],
};

/** The migration stream of a machine that has not run, after these bytes were written to its ports. */
async function streamOf(context: TestContext, options: readonly string[], writes: [number, number][]): Promise<Buffer> {
  const qtest = ["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"];
  const command = need(context, program("qemu-system-i386"));
  const qemu = await startQemu(command, ["-S", "-m", "8", ...options, ...qtest]);
  const qmp = await QmpClient.connect(qemu.qmp);
  const ports = await QtestTarget.connect(join(qemu.folder, "qtest"));
  await ports.perform(writes.map(([port, value]) => ({ direction: "out", port, width: 8, value })));
  ports.close();
  await qmp.execute("migrate", { uri: `exec:cat > ${join(qemu.folder, "stream")}` });
  while (!JSON.stringify(await qmp.execute("query-migrate")).includes('"completed"')) await sleep(10);
  qmp.close();
  return readFileSync(join(qemu.folder, "stream"));
}

function read(stream: Uint8Array, chunk = 65_536): { passed: number; tail: StreamTail } {
  const scanner = new StreamScanner();
  let passed = 0;
  for (let at = 0; at < stream.length; at += chunk) passed += scanner.push(stream.subarray(at, at + chunk)).length;
  return { passed, tail: scanner.end() };
}

/** Name of the error that reading the stream ends with, if it does. */
function failureOf(stream: Uint8Array): string | undefined {
  try {
    read(stream);
  } catch (error) {
    return error instanceof Error ? error.name : "no error";
  }
  return undefined;
}

describe.each(Object.entries(machines))("the stream of a QEMU, machine %s", (_, options) => {
  test("is read to its last byte, and its devices show what was written to their ports", async (context) => {
    const icw: [number, number][] = [
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 0x04],
      [0x21, 0x01],
      [0x21, 0xa5],
    ];
    const { passed, tail } = read(await streamOf(context, options, icw), 4093);
    expect(tail.sections.map(({ fieldCount }) => fieldCount)).toEqual(tail.sections.map(({ fields }) => fields.length));
    const fields = new Map(tail.sections.flatMap((section) => section.fields).map(({ path, value }) => [path, value]));
    expect(fields.get("i8259[0].irq_base")).toBe(0x30);
    expect(fields.get("i8259[0].imr")).toBe(0xa5);
    expect(fields.get("i8254[0].channels[1].count")).toBe(0x10000);
    expect(passed).toBeGreaterThan(100_000);
    const kept = tail.sections.filter((section) => !isDevice(section)).map(({ name }) => name);
    expect(kept.every((name) => Object.hasOwn(KEPT_SECTIONS, name))).toBe(true);
    expect(kept).toContain("cpu");
    expect(strippedTail(tail).length).toBeLessThan(4_096);
  });

  test("cut off or with a bit flipped reads on or is an error of ours", async (context) => {
    const stream = await streamOf(context, options, []);
    const devices = read(stream).passed;
    const places = fc.oneof(fc.nat(stream.length - 1), fc.integer({ min: devices, max: stream.length - 1 }));
    fc.assert(
      fc.property(places, fc.nat(7), (at, bit) => {
        expect(() => read(stream.subarray(0, at))).toThrow(StreamError);
        const flipped = Buffer.from(stream);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        expect([undefined, StreamError.name]).toContain(failureOf(flipped));
      }),
      { numRuns: 60 },
    );
  });
});
