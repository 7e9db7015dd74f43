import { describe, expect, test } from "vitest";
import { out, read, type PortAccess } from "./accesses.ts";
import { shorten } from "./exclusion.ts";
import { exclusionsAfter } from "./exclusions.ts";

const wide = (port: number, width: 16 | 32, value: number): PortAccess => ({ direction: "out", port, width, value });
const withoutExcluded = (accesses: readonly PortAccess[]) => shorten(accesses, exclusionsAfter([]));
const left = (...accesses: readonly PortAccess[]) => withoutExcluded(accesses).accesses;

describe("what resets the machine is left out", () => {
  test.each<[string, readonly PortAccess[]]>([
    ["port 92h bit 0", [out(0x92, 0x01)]],
    ["the same in a wider access", [wide(0x91, 16, 0x0100)]],
    ["8042 FEh", [out(0x64, 0xfe)]],
    ["CF9h bit 2", [out(0xcf9, 0x06)]],
  ])("%s", (_, accesses) => expect(left(...accesses)).toEqual([]));

  test("the output port's bit 0, and what becomes its value when another was left out", () => {
    expect(left(out(0x64, 0xd1), out(0x60, 0x02), out(0x60, 0x04), out(0x60, 0x03))).toEqual([
      out(0x64, 0xd1),
      out(0x60, 0x03),
    ]);
  });

  test("their neighbours are not", () => {
    const harmless = [out(0x92, 0x02), out(0x64, 0xff), out(0xcf9, 0x02), wide(0xcf8, 32, 0x80000400), read(0x64)];
    expect(left(...harmless)).toEqual(harmless);
  });
});

test("what was left out is counted by its reason", () => {
  const { left: counts } = withoutExcluded([out(0x92, 1), out(0x92, 3), out(0x92, 2)]);
  expect([...counts.values()]).toEqual([2]);
});

test("an exclusion that gives back copies of what it leaves is told of, and not asked for ever", () => {
  const copies = {
    why: "copies",
    without: (accesses: readonly PortAccess[]) => accesses.map((access) => ({ ...access })),
  };
  expect(() => shorten([read(0x64)], [copies])).toThrow('the exclusion "copies" never gives back');
});

test("CMOS RAM: byte 37h is left out, its neighbours are not", () => {
  const [select, next] = [out(0x70, 0xb7), out(0x70, 0x38)];
  expect(left(select, out(0x71, 1), read(0x71), next, out(0x71, 2))).toEqual([select, next, out(0x71, 2)]);
});

test("VBE: lines too long for the height are left out while the graphics mode is on", () => {
  const vbe = (index: number, value: number) => [wide(0x1ce, 16, index), wide(0x1cf, 16, value)];
  const mode = [...vbe(2, 0x100), ...vbe(4, 1)];
  expect(left(...mode, ...vbe(6, 0x400))).toEqual([...mode, ...vbe(6, 0x400)]);
  expect(left(...mode, ...vbe(6, 0x401))).toEqual([...mode, wide(0x1ce, 16, 6)]);
});

test("8254: a control word over a latched count is left out, over one that was read is not", () => {
  const latch = out(0x43, 0x00);
  const control = out(0x43, 0x34);
  expect(left(control, latch, control)).toEqual([control, latch]);
  const whole = [control, latch, read(0x40), read(0x40), read(0x40), control];
  expect(left(...whole)).toEqual(whole);
});

test("ATA: commands with results are left out, the floppy controller's CCR beside the alternate status is not", () => {
  const kept = [out(0x1f7, 0xef), out(0x3f6, 0x02), out(0x3f7, 0x01)];
  expect(left(out(0x1f7, 0xec), out(0x3f6, 0x04), ...kept)).toEqual(kept);
});
