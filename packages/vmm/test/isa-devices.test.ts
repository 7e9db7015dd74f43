import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { onTwoQemus, type PairRow } from "./support/qemu-pair.ts";

const out = (port: number, ...values: readonly number[]): PairRow[] => values.map((value) => ["out", port, value]);
const reads = (count: number, port: number, width: 8 | 16 | 32 = 8): PairRow[] =>
  Array.from({ length: count }, () => ["in", port, undefined, width]);

/** Makes the accesses on one QEMU, builds another by their plan, and expects all its device fields to be the same. */
async function expectRebuilt(context: TestContext, options: readonly string[], rows: readonly PairRow[]) {
  const result = await onTwoQemus(need(context, program("qemu-system-x86_64")), options, rows);
  expect([result.plan.unknown, result.comparison.different]).toEqual([[], []]);
  return result;
}

describe("a disk", () => {
  const disk = ["-drive", "if=ide,driver=null-co,size=8388608,read-zeroes=on"];
  const IDE = "0000:00:01.1/ide[0].bus[0]";
  const identify = [...out(0x1f6, 0xe0), ...out(0x1f7, 0xec), ...reads(1, 0x1f7), ...reads(128, 0x1f0, 32)];
  const setFeatures = (feature: number, count: number) => [
    ...out(0x1f1, feature),
    ...out(0x1f2, count),
    ...out(0x1f7, 0xef),
    ...reads(1, 0x1f7),
  ];

  test("keeps its transfer mode, its block size and half a task file, with HOB as the guest left it", async (context) => {
    const { source } = await expectRebuilt(context, disk, [
      ...identify,
      ...setFeatures(0x03, 0x42),
      ...out(0x1f2, 0x08),
      ...out(0x1f7, 0xc6),
      ...reads(1, 0x1f7),
      ...out(0x1f2, 0x55, 0x66),
      ...out(0x1f3, 0x77),
      ...out(0x3f6, 0x8a),
    ]);
    expect(source.get(`${IDE}.ifs[0].mult_sectors`)).toBe(8);
    expect(source.get(`${IDE}.ifs[0].hob_nsector`)).toBe(0x55);
    expect(source.get(`${IDE}.cmd`)).toBe(0x8a);
  });

  test("shows in the task file what a command left there", async (context) => {
    const readSector = [...out(0x1f2, 1), ...out(0x1f3, 7), ...out(0x1f4, 1), ...out(0x1f5, 0), ...out(0x1f7, 0x20)];
    const { source } = await expectRebuilt(context, disk, [
      ...identify,
      ...readSector,
      ...reads(3, 0x1f7),
      ...reads(128, 0x1f0, 32),
      ...reads(1, 0x1f7),
    ]);
    expect(source.get(`${IDE}.ifs[0].nsector`)).toBe(0);
  });

  test("that is not there is not believed: the task file is what was written", async (context) => {
    const { source } = await expectRebuilt(context, [], [...out(0x172, 0x55), ...out(0x173, 0xaa), ...reads(1, 0x172)]);
    expect(source.get("0000:00:01.1/ide[0].bus[1].ifs[0].nsector")).toBe(0x55);
  });
});

describe("a floppy controller", () => {
  const floppy = ["-drive", "if=floppy,driver=null-co,size=1474560,read-zeroes=on"];
  const lock = [...out(0x3f5, 0x94), ...reads(1, 0x3f5)];

  test("keeps SPECIFY, CONFIGURE, LOCK, the data rate and the motor", async (context) => {
    const { source } = await expectRebuilt(context, floppy, [
      ...lock,
      ...out(0x3f2, 0x1c),
      ...out(0x3f5, 0x03, 0xdf, 0x02),
      ...out(0x3f5, 0x13, 0x00, 0x57, 0x08),
      ...out(0x3f5, 0x07, 0x00, 0x08),
      ...reads(2, 0x3f5),
      ...out(0x3f4, 0x09),
      ...out(0x3f7, 0x02),
    ]);
    const fields = ["timer0", "timer1", "config", "precomp_trk", "lock", "dsr"];
    expect(fields.map((name) => source.get(`fdc[0].state.${name}`))).toEqual([0x0d, 0x01, 0x57, 0x08, 1, 0x0a]);
  });

  test("in reset is brought there after its settings", async (context) => {
    const { source } = await expectRebuilt(context, floppy, [
      ...lock,
      ...out(0x3f5, 0x03, 0xa1, 0x04),
      ...out(0x3f2, 0x10),
      ...out(0x3f5, 0x03, 0xff, 0xff),
    ]);
    expect(source.get("fdc[0].state.timer0")).toBe(0x0a);
  });
});

describe("an NE2000", () => {
  const card = ["-device", "ne2k_isa,iobase=0x300,irq=9"];
  const page1 = [...Array(6).keys()].flatMap((i) => out(0x301 + i, 0x52 + i));
  /** As the datasheet has it initialised (DP8390D, 11.0), with a frame that is being read from the card's memory. */
  const initialise = [
    ...out(0x300, 0x21),
    ...out(0x30e, 0x49),
    ...out(0x30a, 0),
    ...out(0x30b, 0),
    ...out(0x30c, 0x04),
    ...out(0x30d, 0x02),
    ...out(0x301, 0x46),
    ...out(0x303, 0x46),
    ...out(0x302, 0x80),
    ...out(0x307, 0xff),
    ...out(0x30f, 0x3f),
    ...out(0x300, 0x61),
    ...page1,
    ...out(0x307, 0x47),
    ...out(0x30f, 0x80),
    ...out(0x300, 0x22),
    ...out(0x30d, 0x00),
  ];

  test("goes on as it was initialised, its remote address where a transfer left it", async (context) => {
    const { plan, source } = await expectRebuilt(context, card, [
      ...initialise,
      ...out(0x30a, 4),
      ...out(0x30b, 0),
      ...out(0x308, 0),
      ...out(0x309, 0x46),
      ...out(0x300, 0x0a),
      ...reads(2, 0x310, 16),
      ...out(0x307, 0x40),
      ...out(0x300, 0x22),
    ]);
    const field = (name: string) => source.get(`ne2000[0].ne2000.${name}`);
    expect(["cmd", "start", "stop", "curpag", "imr", "rsar"].map(field)).toEqual([
      0x22, 0x4600, 0x8000, 0x47, 0x3f, 0x4604,
    ]);
    const steps = plan.steps.filter(({ device }) => device === "ne2k").map(({ register }) => register);
    // Stopped first, started last.
    expect([steps[0], steps.at(-1)]).toEqual(["CR", "CR"]);
    const order = ["DCR", "RCR", "TCR", "PSTART", "CURR", "IMR"].map((name) => steps.indexOf(name));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });
});

describe("a Sound Blaster 16", () => {
  const card = ["-audiodev", "none,id=sound", "-device", "sb16,audiodev=sound"];

  test("keeps its rate, block size, speaker and mixer, and the command that waits for a byte", async (context) => {
    const { source } = await expectRebuilt(context, card, [
      ...out(0x226, 1, 0),
      ...reads(1, 0x22a),
      ...out(0x22c, 0x48, 0xff, 0x0f),
      ...out(0x22c, 0xd1),
      ...out(0x224, 0x22),
      ...out(0x225, 0xcc),
      ...out(0x224, 0x81),
      ...out(0x225, 0x22),
      ...out(0x22c, 0x41, 0x56, 0x22),
      ...out(0x22c, 0x48, 0x00),
    ]);
    const field = (name: string) => source.get(`sb16[0].${name}`);
    expect(["freq", "block_size", "speaker", "needed_bytes", "mixer_nreg"].map(field)).toEqual([
      0x5622, 0x1000, 1, 2, 0x81,
    ]);
  });
});

describe("a parallel port", () => {
  test("keeps its lines, but for the strobe", async (context) => {
    const rows = [...out(0x378, 0x5a), ...out(0x37a, 0x0e)];
    const { source } = await expectRebuilt(context, ["-parallel", "null"], rows);
    expect(["dataw", "control"].map((name) => source.get(`parallel_isa[0].state.${name}`))).toEqual([0x5a, 0xce]);
  });
});
