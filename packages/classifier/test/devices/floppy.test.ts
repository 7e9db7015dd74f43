import { describe, expect, test } from "vitest";
import { classify, ins, outs, type Row } from "../support/classify.ts";

const fdc = (rows: readonly Row[]) => classify(rows, { ids: ["floppy"] });
const fifo = (...bytes: readonly number[]): Row[] => outs(0x3f5, ...bytes);

describe("registers", () => {
  test("3F7h is DIR when read and CCR when written, 3F4h MSR and DSR", () => {
    const rows: Row[] = [
      ["in", 0x3f7, 0x80],
      ["out", 0x3f7, 0x01],
      ["in", 0x3f4, 0x80],
      ["out", 0x3f4, 0x02],
    ];
    const seen = fdc(rows);
    expect(seen.registers).toEqual(["fdc1.DIR", "fdc1.CCR", "fdc1.MSR", "fdc1.DSR"]);
    expect(seen.rows[1]?.criteria).toEqual(["port", "direction", "state"]);
    expect(seen.slot("fdc1", "DSR")).toBe(0x02);
  });

  test("CCR and DSR set the same data rate: a later DSR supersedes CCR", () => {
    const seen = fdc([...outs(0x3f7, 0x01), ...outs(0x3f4, 0x1e), ...outs(0x3f7, 0x00)]);
    expect([seen.slot("fdc1", "DSR"), seen.slot("fdc1", "CCR")]).toEqual([0x1e, 0x00]);
    expect(fdc([...outs(0x3f7, 0x01), ...outs(0x3f4, 0x02)]).slot("fdc1", "CCR")).toBe("none");
  });

  test("neither the software reset of DSR nor power-down is repeated", () => {
    expect(fdc(outs(0x3f4, 0xc2)).slot("fdc1", "DSR")).toBe(0x02);
  });

  test("the last DOR holds, out of reset with the motor as it was", () => {
    expect(fdc(outs(0x3f2, 0x00, 0x1c)).slot("fdc1", "DOR")).toBe(0x1c);
  });

  test.each([
    [0x3f3, "TDR"],
    [0x3f4, "DSR"],
    [0x3f5, "FIFO"],
    [0x3f7, "CCR"],
  ])("a controller in reset takes nothing at %s", (port, name) => {
    const { rows } = fdc([...outs(0x3f2, 0x08), ["out", port, 0x03]]);
    expect(rows[1]).toMatchObject({ register: `fdc1.${name}_IN_RESET`, verdict: "command" });
  });
});

describe("a command", () => {
  /** Bytes after the command byte, by the command summaries of the 82077AA (5.1) and 82078. */
  const parameters: [name: string, command: number, count: number][] = [
    ["READ DATA", 0xe6, 8],
    ["READ DELETED DATA", 0xcc, 8],
    ["READ TRACK", 0x42, 8],
    ["VERIFY", 0xf6, 8],
    ["WRITE DATA", 0xc5, 8],
    ["WRITE DELETED DATA", 0xc9, 8],
    ["SCAN EQUAL", 0xf1, 8],
    ["SCAN LOW OR EQUAL", 0xf9, 8],
    ["SCAN HIGH OR EQUAL", 0xfd, 8],
    ["FORMAT TRACK", 0x4d, 5],
    ["RECALIBRATE", 0x07, 1],
    ["SENSE INTERRUPT STATUS", 0x08, 0],
    ["SPECIFY", 0x03, 2],
    ["SENSE DRIVE STATUS", 0x04, 1],
    ["SEEK", 0x0f, 2],
    ["RELATIVE SEEK in", 0xcf, 2],
    ["RELATIVE SEEK out", 0x8f, 2],
    ["CONFIGURE", 0x13, 3],
    ["DUMPREG", 0x0e, 0],
    ["READ ID", 0x4a, 1],
    ["PERPENDICULAR MODE", 0x12, 1],
    ["VERSION", 0x10, 0],
    ["LOCK", 0x94, 0],
    ["PART ID", 0x18, 0],
    ["POWERDOWN MODE", 0x17, 1],
    ["OPTION", 0x33, 1],
    ["SAVE", 0x2e, 0],
    ["RESTORE", 0x4e, 16],
    ["what is none", 0x1f, 0],
  ];

  test("DRIVE SPECIFICATION takes drives up to the byte that ends them", () => {
    const { registers } = fdc(fifo(0x8e, 0x00, 0x20, 0x80, 0x03));
    expect(registers).toEqual([
      "fdc1.DRIVE_SPECIFICATION",
      ...[1, 2, 3].map(() => "fdc1.DRIVE_SPECIFICATION_BYTE"),
      "fdc1.SPECIFY",
    ]);
  });

  test.each(parameters)("%s (%i) takes %i parameters, and the byte after them is a command", (_, command, count) => {
    const { registers, rows, selector } = fdc(fifo(command, ...Array<number>(count).fill(0x03), 0x03));
    expect(registers.slice(1, -1)).not.toContain("fdc1.SPECIFY");
    expect(registers.at(-1)).toBe("fdc1.SPECIFY");
    expect(rows.at(-1)?.criteria).toContain("preceding");
    expect(selector("fdc1", "expect")).toBe("specify2");
  });

  test.each([
    ["SPECIFY", [0x03, 0xdf, 0x02], ["SPECIFY_TIMES=df", "SPECIFY_LOAD=02"]],
    ["CONFIGURE", [0x13, 0x00, 0x57, 0x00], ["CONFIGURE_ZERO=00", "CONFIGURE_MODE=57", "CONFIGURE_TRACK=00"]],
  ])("%s leaves its parameters, in order", (name, bytes, held) => {
    expect(fdc(fifo(...bytes)).slot("fdc1", name)).toEqual(held);
  });

  test("half done is kept as far as it has got", () => {
    expect(fdc(fifo(0x03, 0xdf, 0x02, 0x13, 0x00, 0x57)).slot("fdc1", "CONFIGURE")).toEqual([
      "|CONFIGURE_ZERO=00",
      "|CONFIGURE_MODE=57",
    ]);
  });

  test("PERPENDICULAR MODE without OW sets the gates alone", () => {
    const seen = fdc(fifo(0x12, 0x84, 0x12, 0x03));
    expect([seen.slot("fdc1", "PERPENDICULAR"), seen.slot("fdc1", "GAP")]).toEqual([0x84, 0x03]);
    expect(fdc(fifo(0x12, 0x03, 0x12, 0x84)).slot("fdc1", "GAP")).toBe("none");
  });

  test("that writes takes its data through the FIFO after SPECIFY has set ND, until results are read", () => {
    const write = [0xc5, ...Array<number>(8).fill(0)];
    expect(fdc(fifo(0x03, 0xdf, 0x02, ...write, 0x03)).registers.at(-1)).toBe("fdc1.SPECIFY");
    const seen = fdc([...fifo(0x03, 0xdf, 0x03, ...write, 0x03, 0x13), ...ins(0x3f5, 0), ...fifo(0x03)]);
    expect(seen.registers.slice(-4)).toEqual(["fdc1.DATA", "fdc1.DATA", "fdc1.RESULT", "fdc1.SPECIFY"]);
    expect(seen.rows.at(-4)?.verdict).toBe("transfer");
  });

  test("that is not one of the four that set something may never be replayed", () => {
    const { state } = fdc([]);
    const { registers } = state("fdc1").instance.device;
    const bytes = registers.filter(({ port, access }) => port.name === "FIFO" && access === "WO");
    const repeated = bytes.filter(({ never }) => never === undefined).map(({ name }) => name);
    expect(repeated).toEqual([
      "FIFO_IN_RESET",
      "SPECIFY",
      "SPECIFY_TIMES",
      "SPECIFY_LOAD",
      "CONFIGURE",
      "CONFIGURE_ZERO",
      "CONFIGURE_MODE",
      "CONFIGURE_TRACK",
      "PERPENDICULAR",
      "PERPENDICULAR_DRIVES",
      "LOCK",
    ]);
    expect(registers.find(({ name }) => name === "FORMAT")?.never).toContain("formats");
  });
});

describe("a software reset", () => {
  const set = fifo(0x03, 0xdf, 0x02, 0x13, 0x00, 0x57, 0x00, 0x12, 0x03);
  const resets: [string, Row[]][] = [
    ["by DOR", outs(0x3f2, 0x08, 0x0c)],
    ["by DSR", outs(0x3f4, 0x80)],
  ];

  test.each(resets)("%s spares SPECIFY, and takes back CONFIGURE unless LOCK was given", (_, reset) => {
    const unlocked = fdc([...set, ...reset]);
    expect(unlocked.slot("fdc1", "SPECIFY")).toEqual(["SPECIFY_TIMES=df", "SPECIFY_LOAD=02"]);
    expect([unlocked.slot("fdc1", "CONFIGURE"), unlocked.slot("fdc1", "GAP")]).toEqual(["none", "none"]);
    expect(fdc([...fifo(0x94), ...set, ...reset]).slot("fdc1", "CONFIGURE")).toContain("CONFIGURE_MODE=57");
  });

  test.each(resets)("%s ends a command half done", (_, reset) => {
    expect(fdc([...fifo(0xc5, 0x00, 0x01), ...reset, ...fifo(0x03)]).registers.at(-1)).toBe("fdc1.SPECIFY");
  });

  test.each(resets)("%s breaks off parameters half written, and leaves those of the command before", (_, reset) => {
    const fresh = fdc([...fifo(0x03, 0xaf), ...reset]);
    expect(fresh.slot("fdc1", "SPECIFY")).toBe("none");
    const again = fdc([...fifo(0x94), ...set, ...fifo(0x03, 0xaf), ...reset, ...fifo(0x13, 0x00), ...reset]);
    expect(again.slot("fdc1", "SPECIFY")).toEqual(["SPECIFY_TIMES=df", "SPECIFY_LOAD=02"]);
    expect(again.slot("fdc1", "CONFIGURE")).toEqual(["CONFIGURE_ZERO=00", "CONFIGURE_MODE=57", "CONFIGURE_TRACK=00"]);
  });
});
