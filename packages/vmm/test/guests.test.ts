import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessAt, type Access, type AccessBatch } from "@portrait/tracer";
import { describe, expect, it, onTestFinished } from "vitest";
import { need } from "../../../test-support/available.ts";
import { expectedAccesses, guestImage, type ExpectedAccess } from "../../../test-support/guest.ts";
import { program } from "../../../test-support/program.ts";
import { qemuAccesses, qemuConversation } from "../../../test-support/qemu-guest.ts";
import { createV86Machine, type V86Machine } from "../src/v86/v86-machine.ts";

const SOURCES = fileURLToPath(new URL("../../../fixtures/guests", import.meta.url));
const halting = [
  "criterion-port",
  "criterion-direction",
  "criterion-data",
  "criterion-state",
  "criterion-preceding",
  "string-io",
];

describe.each([...halting, "ticker", "writer", "pending"])("%s", (name) => {
  it("assembles to the committed image", (context) => {
    const nasm = need(context, program("nasm"));
    const folder = mkdtempSync(join(tmpdir(), "portrait-guest-"));
    const image = join(folder, "guest.bin");
    const { status, stderr } = spawnSync(nasm, ["-f", "bin", "-o", image, `${name}.asm`], { cwd: SOURCES });
    expect(stderr.toString()).toBe("");
    expect(status).toBe(0);
    expect(readFileSync(image).equals(guestImage(name))).toBe(true);
    rmSync(folder, { recursive: true });
  });
});

describe.each(halting)("%s makes the accesses its source lists", (name) => {
  const expected = expectedAccesses(name);

  it("on v86", async () => {
    const machine = await machineWith(name);
    const accesses: Access[] = [];
    const tap = machine.tap((batch) => accesses.push(...elementsOf(batch)));
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    tap.flush();
    expect(
      accesses.map(({ direction, port, width, value }, i) => line(direction, port, width, value, expected[i])),
    ).toEqual(expected.map(lineOf));
  });

  it("on QEMU", async (context) => {
    need(context, program("qemu-system-i386"));
    const accesses = await qemuAccesses(name);
    expect(
      accesses.map(({ direction, port, size, value }, i) => line(direction, port, size * 8, value, expected[i])),
    ).toEqual(expected.map(lineOf));
  });
});

describe("ticker counts, answers and halts", () => {
  const LONG = "x".repeat(70);

  it("on v86", async () => {
    const machine = await machineWith("ticker");
    const untilPrinted = async (text: string): Promise<void> => {
      expect(await machine.run({ until: () => machine.console.includes(text), wallMs: 10_000 })).toBe("predicate");
    };
    await untilPrinted("tick 3\r\n");
    machine.type("hello\r\n");
    await untilPrinted("you typed: hello\r\n");
    machine.type(`${LONG}\r`);
    await untilPrinted("tick 12\r\n");
    machine.type("halt\n");
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    expectConversation(machine.console);
  });

  it("on QEMU", async (context) => {
    need(context, program("qemu-system-i386"));
    const script = [
      ["tick 3\r\n", "hello\r\n"],
      ["you typed: hello\r\n", `${LONG}\r`],
      ["tick 12\r\n", "halt\n"],
      ["halted\r\n", ""],
    ] as const;
    expectConversation(await qemuConversation("ticker", script));
  });

  it("at 250 Hz of guest time", async () => {
    const machine = await machineWith("ticker");
    await machine.run({ guestMs: 2_000, wallMs: 10_000 });
    const lines = machine.console.match(/^tick/gm)?.length ?? 0;
    expect(lines).toBeGreaterThanOrEqual(48);
    expect(lines).toBeLessThanOrEqual(50);
  });

  function expectConversation(text: string): void {
    const lines = text.split("\r\n");
    const ticks = lines.filter((printed) => printed.startsWith("tick "));
    expect(ticks).toEqual(ticks.map((_, i) => `tick ${i + 1}`));
    expect(ticks.length).toBeGreaterThanOrEqual(12);
    expect(lines.filter((printed) => !printed.startsWith("tick "))).toEqual([
      "ticker ready",
      "you typed: hello",
      `you typed: ${LONG.slice(0, 60)}`,
      "you typed: halt",
      "halted",
      "",
    ]);
  }
});

async function machineWith(guest: string): Promise<V86Machine> {
  const machine = await createV86Machine({ guest: { kind: "image", bytes: guestImage(guest) }, deterministic: true });
  onTestFinished(() => machine.destroy());
  return machine;
}

function line(direction: string, port: number, width: number, value: number, expected?: ExpectedAccess): string {
  const shown = expected !== undefined && expected.value === undefined ? "*" : `0x${value.toString(16)}`;
  return `${direction}${width} 0x${port.toString(16)} ${shown}`;
}

function lineOf(expected: ExpectedAccess): string {
  return line(expected.direction, expected.port, expected.width, expected.value ?? 0, expected);
}

/** A batch's accesses, each string access as one access per element. */
function elementsOf(batch: AccessBatch): Access[] {
  return Array.from({ length: batch.length }, (_, i) => accessAt(batch, i)).flatMap((access) => {
    const { payload, width } = access;
    if (payload === undefined) return [access];
    const bytes = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const element = {
      8: (i: number) => bytes.getUint8(i),
      16: (i: number) => bytes.getUint16(i, true),
      32: (i: number) => bytes.getUint32(i, true),
    };
    const step = width / 8;
    return Array.from({ length: access.count }, (_, i) => ({ ...access, value: element[width](i * step) }));
  });
}
