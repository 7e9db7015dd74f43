import { describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { onTwoQemus, type PairRow } from "./support/qemu-pair.ts";

const out = (port: number, ...values: readonly number[]): PairRow[] => values.map((value) => ["out", port, value]);
const put = (port: number, ...registers: readonly (readonly [number, number])[]) =>
  registers.flatMap(([index, value]) => [...out(port, index), ...out(port + 1, value)]);
const reads = (count: number, port: number): PairRow[] => Array.from({ length: count }, () => ["in", port]);

/** The card is seen, and set up as firmware leaves a display. */
const begun: readonly PairRow[] = [
  ["out", 0xcf8, 0x80001000, 32],
  ["in", 0xcfc, undefined, 32],
  ...out(0x3c2, 0x67),
  ...reads(1, 0x3da),
  ...out(0x3c0, 0x20),
  ...out(0x3c6, 0xff),
  ...out(0x3c8, 0),
];
const CARD = "0000:00:02.0/cirrus_vga[0].cirrus_vga";

describe.each([
  ["read at the source", true],
  ["all from the trace", false],
])("a Cirrus, %s", (_, readBack) => {
  test("keeps its mode, pixel format, cursor and BLT registers, and draws nothing again", async (context) => {
    const qemu = need(context, program("qemu-system-x86_64"));
    const rows: readonly PairRow[] = [
      ...begun,
      ...put(0x3c4, [0x06, 0x12], [0x07, 0x17], [0x12, 0x05], [0x71, 0x0d], [0xd0, 0x15]),
      ...reads(1, 0x3c8),
      ...reads(4, 0x3c6),
      ...out(0x3c6, 0xc1),
      ...put(0x3ce, [0x09, 0x10], [0x20, 7], [0x22, 3], [0x24, 80], [0x28, 0x40], [0x30, 0xc0], [0x32, 0x0d], [0x33, 4]),
      ...put(0x3ce, [0x31, 0x02], [0x31, 0x80], [0x00, 0xa5]),
      ...put(0x3d4, [0x1b, 0x22]),
    ]; // prettier-ignore
    const { plan, comparison, source } = await onTwoQemus(qemu, ["-device", "cirrus-vga"], rows, { readBack });
    expect([plan.unknown, comparison.different]).toEqual([[], []]);
    const fields = ["vga.sr[7]", "cirrus_hidden_dac_data", "vga.hw_cursor_x", "vga.hw_cursor_y", "cirrus_shadow_gr0"];
    // GR31: the section begins with GR02.
    expect([...fields, "vga.gr[47]", "vga.cr[27]"].map((name) => source.get(`${CARD}.${name}`))).toEqual([
      0x17, 0xc1, 0xae, 0x6b, 0xa5, 0x80, 0x22,
    ]);
  });
});
