import { builtinDescriptions, loadLibrary, type Library } from "@portrait/classifier";
import { describe, expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { fuzz, type FuzzOptions, type FuzzReport } from "../src/index.ts";
import { out, read } from "../src/fuzz/accesses.ts";
import { QemuBench } from "../src/fuzz/qemu-bench.ts";
import { qemuMachineFor, type Board } from "../src/fuzz/qemu-machines.ts";
import { DeviceLayout } from "../src/qemu/stream/device-layout.ts";
import type { StreamSection } from "../src/qemu/stream/section.ts";

const CASES = 200;
const SEED = 8259;
const TIMEOUT_MS = 120_000;

const library = loadLibrary(builtinDescriptions(), { aliases: false });

function fuzzDevices(of: Library, ids: readonly string[], options: Partial<FuzzOptions> = {}): Promise<FuzzReport> {
  const devices = of.devices.filter(({ id }) => ids.includes(id));
  expect(devices).toHaveLength(ids.length);
  return fuzz(of, { instances: devices.flatMap(({ instances }) => instances), cases: CASES, seed: SEED, ...options });
}

/** What a failing test shows. */
const failures = (report: FuzzReport) =>
  report.failures.map(({ case: number, trial }) => ({ number, findings: trial.findings, accesses: trial.accesses }));

const PCI_FUNCTION = ["dev.version_id", "dev.irq_state"];
const DISPLAY = "0000:00:02.0/vga[]";
const display = (...fields: readonly string[]) => fields.map((field) => `${DISPLAY}.${field}`);

/** Devices that are tried together, and their fields that no access moves while the guest stands still. */
const groups: readonly { readonly ids: readonly string[]; readonly notMoved: readonly string[] }[] = [
  { ids: ["i8259", "elcr"], notMoved: ["last_irr", "irr", "isr"].map((field) => `i8259[].${field}`) },
  {
    ids: ["i8254", "port61"],
    notMoved: ["irq_disabled", "count_load_time"].map((field) => `i8254[].channels[].${field}`),
  },
  {
    ids: ["i8237", "dma-page"],
    notMoved: ["dma[].dshift", ...["pageh", "dack", "eop"].map((field) => `dma[].regs[].${field}`)],
  },
  { ids: ["mc146818"], notMoved: ["mc146818rtc[].irq_coalesced", "mc146818rtc[].last_update"] },
  { ids: ["uart16550"], notMoved: ["serial[].state.msr"] },
  {
    ids: ["i8042"],
    notMoved: [
      "ps2kbd[].parent_obj.queue.wptr",
      ...["wrap", "dx", "dy", "dz", "buttons"].map((field) => `ps2mouse[].mouse_${field}`),
      "pckbd[].kbd/extended_state.migration_flags",
    ],
  },
  { ids: ["port92"], notMoved: [] },
  {
    ids: ["pci"],
    notMoved: [
      "PCIBUS[].nirq",
      "PCIBUS[].irq_count[]",
      ...["version_id", "irq_state"].map((field) => `0000:00:00.0/I440FX[].parent_obj.${field}`),
      ...PCI_FUNCTION.map((field) => `0000:00:01.0/PIIX3[].${field}`),
      "0000:00:01.0/PIIX3[].pci_irq_levels_vmstate[]",
    ],
  },
  {
    ids: ["vga", "bochs-vbe"],
    notMoved: display(
      ...PCI_FUNCTION,
      "dev.config[]",
      "vga.latch",
      "vga.st00",
      "vga.is_vbe_vmstate",
      "vga.vbe_bank_mask",
    ),
  },
  {
    ids: ["cirrus"],
    notMoved: [
      ...["version_id", "config[]", "irq_state"].map((field) => `0000:00:02.0/cirrus_vga[].dev.${field}`),
      ...["latch", "st00", "bank_offset"].map((field) => `0000:00:02.0/cirrus_vga[].cirrus_vga.vga.${field}`),
    ],
  },
];

describe.each(groups)("$ids: the plan leaves QEMU's own state as the whole sequence does", ({ ids, notMoved }) => {
  test(
    `for ${CASES} sequences, which move every field that accesses can move`,
    { timeout: TIMEOUT_MS },
    async (context) => {
      need(context, program("qemu-system-i386"));
      const report = await fuzzDevices(library, ids);
      expect(failures(report)).toEqual([]);
      expect(report).toMatchObject({ cases: CASES, failed: 0 });
      expect([...report.fields.notMoved].sort()).toEqual([...notMoved].sort());
    },
  );
});

interface FewCases {
  readonly ids: readonly string[];
  readonly cases: number;
  readonly board: Board;
}

/** QEMU's q35: its chipset, and that what every board has is the same there. Then what is tried at length by command alone. */
const fewCases: readonly FewCases[] = [
  { ids: ["acpi", "ich9-pm"], board: "q35", cases: 60 },
  { ids: ["apm", "pci"], board: "q35", cases: 30 },
  { ids: ["i8259", "elcr", "i8254", "port61", "mc146818", "i8042"], board: "q35", cases: 30 },
  { ids: ["acpi", "apm", "piix4-smbus", "qemu-hotplug"], board: "pc", cases: 60 },
  { ids: ["ata", "bus-master-ide"], board: "pc", cases: 60 },
  ...["floppy", "parallel", "sb16", "ne2000", "pcnet", "rtl8139", "virtio-pci"].map((id): FewCases => ({
    ids: [id],
    board: "pc",
    cases: 40,
  })),
];

describe.each(fewCases)(
  "$ids on $board: the plan leaves QEMU's own state as the whole sequence does",
  ({ ids, cases, board }) => {
    test(`for ${cases} sequences`, { timeout: TIMEOUT_MS }, async (context) => {
      need(context, program("qemu-system-i386"));
      const report = await fuzzDevices(library, ids, { cases, board });
      expect(failures(report)).toEqual([]);
      expect(report).toMatchObject({ cases, failed: 0 });
    });
  },
);

/** The library with a part of a description replaced. */
function broken(id: string, from: string, to: string): Library {
  const sources = builtinDescriptions().map(({ file, text }) => {
    if (!text.startsWith(`id: ${id}\n`)) return { file, text };
    expect(text).toContain(from);
    return { file, text: text.replace(from, to) };
  });
  return loadLibrary(sources, { aliases: false });
}

describe("a description that is wrong", () => {
  test("is found by a field, and by the shortest sequence that shows it", { timeout: TIMEOUT_MS }, async (context) => {
    need(context, program("qemu-system-i386"));
    const wrong = broken("port92", "keep: 0xfe", "keep: 0xfc");
    const { failed, failures: found } = await fuzzDevices(wrong, ["port92"], { cases: 40 });
    expect(failed).toBeGreaterThan(0);
    expect(found[0]?.trial.accesses).toEqual([out(0x92, 2)]);
    expect(found[0]?.trial.findings).toEqual([{ kind: "field", path: "port92[0].outport", source: 2, destination: 0 }]);
  });

  test("is found by a read that gives another value", { timeout: TIMEOUT_MS }, async (context) => {
    need(context, program("qemu-system-i386"));
    const wrong = broken(
      "mc146818",
      "{ match: { SET: 1 }, fill: REG_B, keep: 0xef }",
      "{ match: { SET: 1 }, fill: REG_B }",
    );
    const report = await fuzzDevices(wrong, ["mc146818"], { recorded: [out(0x70, 0x0b), out(0x71, 0x90), read(0x71)] });
    const kinds = report.failures.flatMap(({ trial }) => trial.findings.map(({ kind }) => kind));
    expect(kinds).toContain("read");
  });

  test("is found by what its plan would do to the machine", { timeout: TIMEOUT_MS }, async (context) => {
    need(context, program("qemu-system-i386"));
    const wrong = broken("i8259", "- { match: x00xxxxx, fill: ROTATE }", "- { match: xxxxxxxx, fill: ROTATE }");
    const report = await fuzzDevices(wrong, ["i8259"], { cases: 60 });
    expect(report.failures.flatMap(({ trial }) => trial.findings)).toContainEqual({
      kind: "danger",
      what: expect.stringMatching(/ends an interrupt/),
    });
  });
});

test(
  "a plan is searched for dangerous writes also after accesses that no machine survives",
  { timeout: TIMEOUT_MS },
  async (context) => {
    need(context, program("qemu-system-i386"));
    const wrong = broken("port92", "keep: 0xfe", "keep: 0xff");
    const { failures: found } = await fuzzDevices(wrong, ["port92"], { cases: 40 });
    expect(found[0]?.trial).toMatchObject({
      accesses: [out(0x92, 1)],
      findings: [{ kind: "danger", what: "OUT 92h, 1h: resets the CPU" }],
    });
  },
);

test("the same seed makes the same cases", { timeout: TIMEOUT_MS }, async (context) => {
  need(context, program("qemu-system-i386"));
  const once = () => fuzzDevices(library, ["i8254"], { cases: 30 });
  const [first, second] = [await once(), await once()];
  expect(second).toEqual(first);
  expect(await fuzzDevices(library, ["i8254"], { cases: 30, seed: SEED + 1 })).not.toEqual(first);
});

describe("a bench", () => {
  const machine = qemuMachineFor(["i8042", "vga", "uart16550", "ata"]);
  const shown = (sections: readonly StreamSection[]) => sections.flatMap(({ fields }) => fields);

  async function start(context: TestContext, layout: DeviceLayout): Promise<QemuBench> {
    need(context, program("qemu-system-i386"));
    const bench = await QemuBench.start(machine, layout);
    onTestFinished(() => bench.end());
    return bench;
  }

  test(
    "is put back to what a QEMU just started shows, also where a snapshot does not bring it back",
    { timeout: TIMEOUT_MS },
    async (context) => {
      const layout = new DeviceLayout();
      const bench = await start(context, layout);
      const fresh = shown((await start(context, layout)).powerOn);
      expect(shown(bench.powerOn)).toEqual(fresh);
      const everything = [
        0x00, 0x0b, 0x20, 0x21, 0x21, 0x43, 0x40, 0x61, 0x70, 0x71, 0x87, 0x3c2, 0x3c6, 0x3c9, 0x3fb, 0x3f8, 0x4d0,
      ];
      // Keyboard lights have a subsection of their own, which a snapshot of power-on lacks.
      const lights = [out(0x60, 0xed), out(0x60, 0x07)];
      // A drive that gives data has one that no dump but a whole stream tells, where it comes up for the first time.
      const identify = [out(0x1f7, 0xec)];
      const all = [everything.map((port) => out(port, 0xa5)), lights, [...lights].reverse(), identify, identify];
      for (const accesses of all) {
        await bench.ports.perform(accesses);
        expect(shown(await bench.dump())).not.toEqual(fresh);
        await bench.reset();
        expect(shown(await bench.dump())).toEqual(fresh);
      }
    },
  );

  test("tells when an access reset the machine", { timeout: TIMEOUT_MS }, async (context) => {
    const bench = await start(context, new DeviceLayout());
    await bench.ports.perform([out(0x64, 0xfe)]);
    await bench.dump();
    expect(bench.machineEvents).toEqual(["RESET"]);
    await bench.reset();
    expect(bench.machineEvents).toEqual([]);
  });
});
