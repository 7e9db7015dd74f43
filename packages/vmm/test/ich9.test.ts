import { describe, expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { onTwoQemus, type PairRow } from "./support/qemu-pair.ts";

/** The LPC bridge is seen, and its power management put at C000h (ICH9 datasheet, PMBASE and ACPI_CNTL). */
const placed: readonly PairRow[] = [
  ["out", 0xcf8, 0x8000f800, 32],
  ["in", 0xcfc, undefined, 32],
  ["out", 0xcf8, 0x8000f840, 32],
  ["out", 0xcfc, 0xc001, 32],
  ["out", 0xcf8, 0x8000f844, 32],
  ["out", 0xcfc, 0x80, 8],
];
const [SMI_EN, TCO1_CNT, TCO_TMR, TCO_RLD] = [0xc030, 0xc068, 0xc072, 0xc060];

describe.each([
  ["read at the source", true],
  ["all from the trace", false],
])("ICH9's watchdog, %s", (_, readBack) => {
  test("runs by the time it was started with, and calls firmware as it did when that was locked", async (context) => {
    const qemu = need(context, program("qemu-system-x86_64"));
    const { plan, comparison, source } = await onTwoQemus(
      qemu,
      ["-machine", "q35"],
      [
        ...placed,
        ["out", SMI_EN, 0x2001, 32],
        ["out", TCO1_CNT, 0x1800, 16],
        ["out", SMI_EN, 0x0003, 32],
        ["out", TCO_TMR, 9, 16],
        ["out", TCO1_CNT, 0x0000, 16],
        ["out", TCO_TMR, 8, 16],
        ["out", TCO_RLD, 0, 16],
        ["out", TCO_TMR, 7, 16],
      ],
      { readBack },
    );
    expect([plan.unknown, comparison.different]).toEqual([[], []]);
    const field = (name: string) => source.get(`0000:00:1f.0/ICH9LPC[0].pm${name}`);
    expect([".smi_en", "/tco.tco_regs.tco.cnt1", "/tco.tco_regs.tco.tmr"].map(field)).toEqual([0x2003, 0x1000, 7]);
    expect(field("/tco.tco_regs.expire_time")).toBeGreaterThan(0);
  });
});
