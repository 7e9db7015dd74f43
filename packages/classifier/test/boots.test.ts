import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bufferSource, directionOf, TraceReader } from "@portrait/tracer";
import { describe, expect, test } from "vitest";
import { builtinDescriptions, Classifier, classifiedColumns, loadLibrary } from "../src/index.ts";

const FOLDER = fileURLToPath(new URL("../../../fixtures/qemu-boots/", import.meta.url));
const LIMIT = 0.005;

/** What stays without a description: docs/qemu.md tells what it is. */
const NOT_COVERED = ["in 0x628", "out 0x628", "out 0x7e"];

/** What shows that a guest worked with its device: how often it reached a register at least. */
const used: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // 20,000 bytes, by words.
  "ipxe-ne2k_pci": { "ne2k_pci1.DATA": 10_000 },
  "ipxe-pcnet": { "pcnet1.RAP_16": 1000, "pcnet1.CSR0_16": 1000 },
  "ipxe-rtl8139": { "rtl8139_1.ISR": 1000, "rtl8139_1.TPPOLL": 20 },
  "ipxe-virtio-net": { "virtio1.ISR": 1000, "virtio1.QUEUE_NOTIFY": 4 },
  memtest86: { "smb.SMBHSTCNT": 16, "pm.PM_TMR": 100, "com1.THR": 1000 },
  linux: { "com1.THR": 1000, "pm.PM1_CNT": 1 },
};

const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** How often a trace reaches each register, and each port that no register stands at. */
async function countsOf(name: string) {
  const reader = await TraceReader.open(bufferSource(readFileSync(`${FOLDER}${name}.pio`)));
  const classifier = new Classifier(library, reader.info);
  const registers = new Map<string, number>();
  const ports = new Map<string, number>();
  let ambiguous = 0;
  for await (const batch of reader.batches()) {
    const columns = classifiedColumns(batch.length, { criteria: false });
    classifier.feed(batch, columns);
    for (const reached of columns.several.values()) {
      if (reached.some((one) => one.contested || one.registers.length !== 1)) ambiguous++;
    }
    for (let row = 0; row < batch.length; row++) {
      const instance = library.instances[(columns.instance[row] ?? 0) - 1];
      const [counts, key] =
        instance === undefined
          ? [ports, `${directionOf(batch.op[row] ?? 0)} 0x${(batch.port[row] ?? 0).toString(16)}`]
          : [registers, `${instance.name}.${instance.device.registers[columns.register[row] ?? 0]?.name}`];
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return { accesses: classifier.accesses, ambiguous, registers, ports };
}

test("every boot is looked at", () => {
  const { traces } = JSON.parse(readFileSync(`${FOLDER}meta.json`, "utf8")) as { traces: Record<string, unknown> };
  expect(Object.keys(used).sort()).toEqual(Object.keys(traces).sort());
});

describe.each(Object.entries(used))("%s on QEMU", (name, expected) => {
  test("reaches its device, and almost nothing that has no description", async () => {
    const { accesses, ambiguous, registers, ports } = await countsOf(name);
    expect([...ports.keys()].sort()).toEqual(NOT_COVERED);
    expect([...ports.values()].reduce((sum, count) => sum + count) / accesses).toBeLessThan(LIMIT);
    expect(ambiguous).toBe(0);
    expect(Object.entries(expected).filter(([register, times]) => (registers.get(register) ?? 0) < times)).toEqual([]);
  });
});
