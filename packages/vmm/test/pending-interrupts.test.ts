import { expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { onTwoQemus, type PairRow } from "./support/qemu-pair.ts";

const out = (port: number, ...values: readonly number[]): PairRow[] => values.map((value) => ["out", port, value]);
const reads = (count: number, port: number, width: 8 | 16 | 32 = 8): PairRow[] =>
  Array.from({ length: count }, () => ["in", port, undefined, width]);

const disks = [0, 1].flatMap((index) => ["-drive", `if=ide,index=${index},driver=null-co,size=8388608,read-zeroes=on`]);
const serials = ["-serial", "null", "-serial", "null"];

const initialise = (command: number, vectors: number, cascade: number): PairRow[] => [
  ...out(command, 0x11),
  ...out(command + 1, vectors, cascade, 0x01),
];
/** Both controllers, with every line open. */
const controllers = [...initialise(0x20, 0x20, 0x04), ...initialise(0xa0, 0x28, 0x02)];

const identify = (drive: number) => [
  ...[...out(0x1f6, drive), ...out(0x1f7, 0xec)],
  ...[...reads(1, 0x1f7), ...reads(128, 0x1f0, 32)],
];
const verifySectors = [...out(0x1f2, 4), ...out(0x1f3, 9), ...out(0x1f7, 0x40)];
const timer = (control: number, ...counts: readonly number[]) => [...out(0x43, control), ...out(0x40, ...counts)];

/** The device, what it did once the controllers were ready, and what the guest had done before. */
const cases: readonly {
  readonly what: string;
  readonly irq: number;
  readonly before?: readonly PairRow[];
  readonly asks: readonly PairRow[];
}[] = [
  { what: "a disk, as its command has left it", irq: 14, before: identify(0xe0), asks: verifySectors },
  {
    what: "a disk whose next task file is half loaded, with HOB on",
    irq: 14,
    before: identify(0xe0),
    asks: [...verifySectors, ...out(0x1f1, 0x11), ...out(0x1f2, 0x22, 0x33), ...out(0x1f4, 0x44), ...out(0x3f6, 0x80)],
  },
  { what: "the second disk", irq: 14, before: [...identify(0xe0), ...identify(0xf0)], asks: verifySectors },
  {
    what: "a disk whose features were set",
    irq: 14,
    before: [...identify(0xe0), ...out(0x1f1, 0x03), ...out(0x1f2, 0x42), ...out(0x1f7, 0xef), ...reads(1, 0x1f7)],
    asks: verifySectors,
  },
  { what: "a serial port", irq: 4, asks: out(0x3f9, 0x02) },
  { what: "a serial port with DLAB on", irq: 3, asks: [...out(0x2f9, 0x02), ...out(0x2fb, 0x83), ...out(0x2f8, 0x0c)] },
  { what: "a serial port with FIFOs", irq: 4, asks: [...out(0x3fa, 0xc1), ...out(0x3f9, 0x02)] },
  { what: "the timer in mode 3", irq: 0, before: timer(0x30, 0, 0), asks: timer(0x36, 0x34, 0x12) },
  {
    what: "the timer in mode 2",
    irq: 0,
    before: timer(0x30, 0, 0),
    asks: [...timer(0x36, 0, 0), ...timer(0x34, 1, 2)],
  },
  { what: "the timer, its count half written", irq: 0, before: timer(0x30, 0, 0), asks: timer(0x36, 1, 2, 3) },
  { what: "the timer with one byte of a decimal count", irq: 0, before: timer(0x30, 0, 0), asks: timer(0x17, 0x42) },
];

test.for(cases)("$what asks for IRQ $irq again, and nothing else is different", async (one, context) => {
  const { irq, before = [], asks } = one;
  const command = need(context, program("qemu-system-x86_64"));
  const rows = [...before, ...controllers, ...asks];
  const { plan, busy, comparison, source } = await onTwoQemus(command, [...disks, ...serials], rows, { irqs: [irq] });
  const requested = Number(source.get(`i8259[${irq >> 3}].irr`)) >> (irq & 7);
  expect(requested & 1).toBe(1);
  expect([plan.unknown, busy, comparison.different]).toEqual([[], [], []]);
  expect(plan.interrupts.map((again) => again.irq)).toEqual([irq]);
});
