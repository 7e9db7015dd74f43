import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtinDescriptions } from "@portrait/classifier";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { PC } from "../../../test-support/qemu-guest.ts";
import { ended, Workplace, type Ended } from "./support/portrait.ts";
import { addressOf, qemus, type GuestQemu, type Qemus } from "./support/recorded-qemu.ts";

const place = new Workplace();
afterAll(() => place.remove());

const image = fileURLToPath(new URL("../../../fixtures/guests/pending.bin", import.meta.url));

/** What starts QEMUs with the guest that has interrupts pending, and its disk. */
function guests(context: TestContext): Qemus {
  const disk = place.path("disk.img");
  writeFileSync(disk, Buffer.concat(["A", "B", "C", "D"].map((letter) => Buffer.alloc(512, letter))));
  return qemus(place, need(context, program("qemu-system-i386")), [
    ...[...PC, "-m", "16", "-bios", image, "-drive", `file=${disk},format=raw,if=ide`],
    ...["-chardev", "null,id=second", "-device", "isa-serial,index=1,chardev=second"],
  ]);
}

/** The guest, which stands with its interrupts pending, and the trace of it. */
async function standing(kind: Qemus, name: string): Promise<{ readonly source: GuestQemu; readonly trace: string }> {
  const trace = place.path(`${name}.pio`);
  const source = await kind.startRecorded(trace);
  await source.console.until("pending 1\r\n", 10_000);
  return { source, trace };
}

function migrate(source: GuestQemu, trace: string, target: GuestQemu, ...options: readonly string[]): Promise<Ended> {
  const from = ["--from", `qemu:${source.qmp2}`, "--trace", trace];
  return ended(place.start("migrate", ...from, "--to", addressOf(target), ...options));
}

const round = (n: number, sector: string) =>
  `irq0 1, irq3 1, irq14 1, others 0, sector ${sector}\r\npending ${n + 1}\r\n`;

/** The guest takes what is pending, each of it once, and goes on. */
async function expectTaken({ console }: GuestQemu): Promise<void> {
  console.type("go");
  await console.until("pending 3\r\n", 10_000);
  expect(console.text.replace("pending 1\r\n", "")).toBe(round(1, "A") + round(2, "B"));
}

/** A folder of our descriptions of these devices, each changed. */
function changed(name: string, ids: readonly string[], change: (text: string) => string): string {
  const folder = place.path(name);
  mkdirSync(folder);
  for (const id of ids) {
    const { text } = builtinDescriptions().find(({ file }) => file.endsWith(`${id}.yaml`)) ?? { text: "" };
    const other = change(text);
    expect(other).not.toBe(text);
    writeFileSync(join(folder, `${id}.yaml`), other);
  }
  return folder;
}

const PENDING = [
  { irq: 0, device: "pit", id: "i8254" },
  { irq: 3, device: "com2", id: "uart16550" },
  { irq: 14, device: "ata1", id: "ata" },
];

describe("a guest with interrupts pending", { timeout: 60_000 }, () => {
  test("takes each of them once on another QEMU, and it is told what was made pending again", async (context) => {
    const kind = guests(context);
    const { source, trace } = await standing(kind, "stopped");
    const target = await kind.startWaiting();
    const { status, stdout, stderr } = await migrate(source, trace, target, "--explain");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^stops {5}1$/m);
    expect(stdout).toMatch(/^Made pending again.*\n {2}IRQ 0 +pit .*\n {2}IRQ 3 +com2 .*\n {2}IRQ 14 +ata1 /m);
    await expectTaken(target);
  });

  test("takes each of them once on another QEMU that it comes to while it runs, whose request bits are compared", async (context) => {
    const kind = guests(context);
    const { source, trace } = await standing(kind, "running");
    const target = await kind.startWaiting();
    const { status, stdout } = await migrate(source, trace, target, "--explain", "-o", "json", "--precopy");
    expect(status).toBe(0);
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({
      stops: { count: 1, busy: [] },
      verify: { different: [] },
      explain: { interrupts: PENDING.map(({ irq, device }) => ({ irq, device, why: expect.any(String) })) },
    });
    const differing = (path: RegExp) => ({
      verify: { unreachable: expect.arrayContaining([expect.objectContaining({ path: expect.stringMatching(path) })]) },
    });
    expect(report).toMatchObject(differing(/^i8254\[0\].*load_time$/));
    expect(report).not.toMatchObject(differing(/^i8259\[.\]\.irr$/));
    await expectTaken(target);
  });

  test("goes on where it is when no description says how they come back", async (context) => {
    const kind = guests(context);
    const { source, trace } = await standing(kind, "without");
    const ids = PENDING.map(({ id }) => id);
    const own = changed("without", ids, (text) => text.replace(/^interrupts:\n(?: .*\n)*/m, ""));
    const { status, stderr } = await migrate(source, trace, await kind.startWaiting(), "--devices", own);
    expect(status).toBe(2);
    for (const { irq } of PENDING) expect(stderr).toContain(`IRQ ${irq} at 50 (it is pending`);
    expect(stderr).toContain("bmide1 at 50 (a transfer has ended and waits to be served)");
    await expectTaken(source);
  });

  test("goes on where it is when one does not come back", async (context) => {
    const kind = guests(context);
    const { source, trace } = await standing(kind, "silent");
    const own = changed("silent", ["uart16550"], (text) =>
      text.replace("do: [{ write: IER, value: 0 }, { write: IER }]", "do: [{ write: IER }]"),
    );
    const { status, stderr } = await migrate(source, trace, await kind.startWaiting(), "--devices", own);
    expect(status).toBe(1);
    expect(stderr).toMatch(/i8259\[0\]\.irr .*IRQ 0, 3, 14 was pending at the source/);
    await expectTaken(source);
  });
});
