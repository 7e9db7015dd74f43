import { expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { onTwoQemus, type PairRow } from "./support/qemu-pair.ts";

const OPTIONS = ["-netdev", "user,id=net", "-device", "rtl8139,netdev=net,addr=2,mac=52:54:00:12:34:56,romfile="];
const BASE = 0xc000;
const [TSD, TSAD, RBSTART, CR, CAPR] = [BASE + 0x10, BASE + 0x20, BASE + 0x30, BASE + 0x37, BASE + 0x38];
const [IMR, ISR, TCR, RCR, CR9346] = [BASE + 0x3c, BASE + 0x3e, BASE + 0x40, BASE + 0x44, BASE + 0x50];
/** Receive buffer and transmit buffers, in memory that is 0. */
const [BUFFER, FRAMES] = [0x20_0000, 0x10_0000];
/** What a frame has beside its bytes in the receive buffer. */
const HEAD = 8;

/** The card gets its ports, and what a driver gives it: receiver and transmitter on, a buffer of 8 KiB times 2 to the power of `length`. */
const started = (length: number, accept: number): PairRow[] => [
  ["out", 0xcf8, 0x80001000, 32],
  ["in", 0xcfc, undefined, 32],
  ["out", 0xcf8, 0x80001010, 32],
  ["out", 0xcfc, BASE, 32],
  ["out", 0xcf8, 0x80001004, 32],
  ["out", 0xcfc, 0x0007, 16],
  ["out", CR, 0x10],
  ["out", CR, 0x0c],
  ["out", RCR, 0x0000e600 | (length << 11) | accept, 32],
  ["out", RBSTART, BUFFER, 32],
  ...[0, 1, 2, 3].map((i): PairRow => ["out", TSAD + 4 * i, FRAMES, 32]),
];

/** The card's station address; frames that are all 0 are for it where it is 0. */
const address = (byte: number): PairRow[] => [
  ["out", CR9346, 0xc0],
  ...[0, 1, 2, 3, 4, 5].map((i): PairRow => ["out", BASE + i, byte]),
  ["out", CR9346, 0x00],
];

/** Frames of these sizes that the card gets from itself, as far as it receives them, each taken from the buffer before the next. */
function looped(sizes: readonly number[]): PairRow[] {
  let at = 0;
  const each = sizes.flatMap((size, i): PairRow[] => {
    at = (at + HEAD + ((size + 3) & ~3)) & 0xffff;
    return [
      ["out", TSD + 4 * (i % 4), size, 32],
      ["out", ISR, 0xffff, 16],
      ["out", CAPR, (at - 16) & 0xffff, 16],
    ];
  });
  return [["out", TCR, 0x00060700, 32], ...each, ["out", TCR, 0x03000700, 32], ["out", IMR, 0xc07f, 16]];
}

/** Makes the accesses on one QEMU, builds another by their plan, and expects all fields of its devices, and no memory of its guest, to tell. */
async function expectRebuilt(context: TestContext, rows: readonly PairRow[]) {
  const command = need(context, program("qemu-system-x86_64"));
  let memory = "";
  const look = async (other: { monitor(line: string): Promise<string> }) => {
    for (const at of [0, FRAMES, BUFFER]) memory += await other.monitor(`xp /4096wx ${at}`);
  };
  const { plan, comparison, source } = await onTwoQemus(command, OPTIONS, rows, { look });
  expect([plan.unknown, comparison.different]).toEqual([[], []]);
  expect(memory.match(/0x(?!0{8})\S+/g)).toBeNull();
  const field = (name: string) => source.get(`0000:00:02.0/rtl8139[0].${name}`);
  return [field("currTxDesc"), field("RxBufAddr"), field("RxBufPtr")];
}

const [ALL, OWN] = [0x01, 0x02];

test.for<[what: string, length: number, accept: number, sizes: number[], at: number]>([
  ["after one small frame", 0, ALL, [60], 68],
  ["just before the end of the smallest buffer", 0, ALL, [1792, 1792, 1792, 1792, 980], 8188],
  ["in a buffer of 32 KiB, where the card takes its own address alone", 2, OWN, Array(12).fill(1514), 18288],
  ["at the end of the largest buffer", 3, OWN, [...Array(36).fill(1792), 724], 65532],
  ["behind the end of its buffer", 0, ALL, [...Array(5).fill(1514), 680], 116],
])("an RTL8139 goes on %s", async ([, length, accept, sizes, at], context) => {
  const rows = [...started(length, accept), ...address(0), ...looped(sizes), ...address(0x52)];
  expect(await expectRebuilt(context, rows)).toEqual([sizes.length % 4, at, at]);
});

test("an RTL8139 that stands where no frames lead to is not rebuilt, and its guest not quiet", async (context) => {
  const command = need(context, program("qemu-system-x86_64"));
  const rows = [...started(0, ALL), ...looped([...Array(5).fill(1514), 600])];
  const { plan, busy } = await onTwoQemus(command, OPTIONS, rows);
  expect(plan.unknown).toMatchObject([{ device: "rtl8139_1", register: "CBR", reason: "nothing brings CBR on to 36" }]);
  expect(busy).toMatchObject([{ device: "rtl8139_1", why: expect.stringContaining("that no frames lead to") }]);
});

test.for([0, 1, 2, 3, 4, 5, 6, 7])(
  "an RTL8139 that has sent %i frames sends from its next descriptor",
  async (count, context) => {
    const sizes = Array.from({ length: count }, (_, i) => 60 + 100 * i);
    const sent = sizes.flatMap((size, i): PairRow[] => [
      ["out", TSD + 4 * (i % 4), 0x80000 | size, 32],
      ["out", ISR, 0x0004, 16],
    ]);
    expect(await expectRebuilt(context, [...started(2, OWN), ["out", TCR, 0x03000700, 32], ...sent])).toEqual([
      count % 4,
      0,
      0,
    ]);
  },
);
