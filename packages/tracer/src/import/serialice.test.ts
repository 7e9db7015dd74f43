import { expect, test } from "vitest";
import { accessAt, BatchBuilder, type Access } from "../batch.ts";
import { serialIce } from "./serialice.ts";

/** Reads lines and gives everything that came out. */
function readLines(...lines: readonly string[]) {
  const accesses: Access[] = [];
  const bad: number[] = [];
  const builder = new BatchBuilder((batch) => {
    for (let i = 0; i < batch.length; i++) accesses.push(accessAt(batch, i));
  });
  const log = serialIce.open(builder, { malformed: ({ line }) => bad.push(line) }, { clock: "none" });
  log.push(Buffer.from(`${lines.join("\n")}\n`));
  builder.flush();
  return { accesses, bad, other: log.counts.other, leftOut: log.leftOut() };
}

test("what versions before March 2013 decode is bad, since there is no line for what they hide", () => {
  const { accesses, bad, other } = readLines(
    "[ffff000:fff0] 0000.0001   MEM,ROM_HI:  readb fffffff0 => ea",
    "[f000:e05d] 0004.0006   NVram: [0f] => 00",
    "[f000:e0b1] 003f.0040 ! COM1: outb 03fb <= 03",
    "[f000:e0b1] 003f.0040 ! IO,COM1: outb 03fb <= 03",
    "[f000:e0dd] 005f.0060 # IO:  inl 0408 => 0012d687",
    "001c.001e    .H..    [f000:e07d]   PCI: 0:1f.0 [044] <= 80",
    "001c.001e    RH..    [f000:e07d]   IO,PCI: outb 0cfc <= 80",
    "002b.0036    RH..    [f000:e0a3]   IO,PnP 2e:02: outw 03f8 <= 0001",
    "[f000:e07d] -- PCI 0:1f.0 R.44 <= 80",
    "[f000:e07f] -- CPU: rdmsr 0000001b => 00000000.fee00900",
  );
  expect(accesses).toMatchObject([
    { direction: "out", port: 0x3fb, width: 8, value: 0x03 },
    { direction: "in", port: 0x408, width: 32, value: 0x0012_d687 },
    { direction: "out", port: 0xcfc, width: 8, value: 0x80 },
    { direction: "out", port: 0x3f8, width: 16, value: 0x0001 },
  ]);
  expect(bad).toEqual([2, 3, 6, 9]);
  expect(other).toBe(2);
});

test("accesses that a filter dropped or faked are the firmware's, and counted", () => {
  const { accesses, leftOut } = readLines(
    "010d.0112    R..D    [f000:78f9]   IO: outb 00ea <= 04",
    "010d.0113    RH.F    [f000:78fb]   IO:  inb 0040 => 20",
    "010d.0114    RH.U    [f000:78fd]   IO: outb 00e8 <= 0a",
  );
  expect(accesses.map(({ port }) => port)).toEqual([0xea, 0x40, 0xe8]);
  expect(leftOut).toMatchObject([{ count: 2 }]);
});

test("a long line of beginnings takes no longer than any other", () => {
  expect(readLines("IO ".repeat(350_000), "RH.D [a] IO ".repeat(90_000))).toMatchObject({ accesses: [], other: 2 });
});
