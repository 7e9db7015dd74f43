import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workplace } from "./support/portrait.ts";
import { picAndUart, TraceScript } from "./support/traces.ts";

const place = new Workplace();

beforeAll(async () => {
  await picAndUart().save(place.path("t.pio"));
});
afterAll(() => {
  place.remove();
});

describe("portrait state", () => {
  test("gives value and origin of every register, and the selectors", () => {
    expect(place.json("state", "t.pio")).toMatchObject({
      at: 19,
      devices: {
        pic1: {
          registers: {
            INIT: { status: "known", values: ["0x11", "0x30", "0x4", "0x1"], seq: [0, 1, 2, 3] },
            IMR: { status: "known", value: "0xfa", seq: [18] },
          },
        },
        com1: { registers: { DLL: { status: "known", value: "0x1", seq: [6] } }, selectors: { dlab: 0 } },
      },
    });
  });

  test("--at is right after that access, half-done sequences included", () => {
    const at1 = place.json("state", "t.pio", "--at", "1") as { at: number; devices: { pic1: unknown } };
    expect(at1.at).toBe(1);
    expect(at1.devices.pic1).toMatchObject({
      registers: { INIT: { halfDone: { values: ["0x11", "0x30"], seq: [0, 1] } } },
      selectors: { step: "icw3" },
    });
  });

  test("--at after the end of the trace is refused", () => {
    const { status, stderr } = place.run("state", "t.pio", "--at", "20");
    expect({ status, stderr }).toEqual({ status: 2, stderr: "portrait: --at 20: t.pio ends at access 19\n" });
  });

  test("says why a register is unknown", async () => {
    await new TraceScript().out(0x21, 0xfb).gap("ring was full").out(0x3fb, 0x03).save(place.path("gap.pio"));
    const { devices } = place.json("state", "gap.pio") as { devices: Record<string, unknown> };
    expect(devices).toMatchObject({
      pic1: {
        registers: { IMR: { status: "unknown", reason: "not observed: ring was full" } },
        selectors: { step: null },
      },
      com1: { registers: { LCR: { status: "known", value: "0x3", seq: [1] } } },
    });
    expect(place.run("state", "gap.pio").stdout).toMatch(/IMR +unknown +not observed: ring was full/);
  });

  test("shows each byte of a wider write by its own value", async () => {
    const script = new TraceScript().out(0xcf8, 0x80000810, 32).out(0xcfc, 0x12345678, 32);
    await script.save(place.path("pci.pio"));
    const { stdout } = place.run("state", "pci.pio");
    expect(stdout).toMatch(/lane=0\] +known +0x78 /);
    expect(stdout).toMatch(/lane=3\] +known +0x12 /);
  });
});

describe("portrait plan", () => {
  test("gives the steps with origin, reason and risk, and the counts", () => {
    const plan = place.json("plan", "t.pio") as {
      steps: Record<string, unknown>[];
      counts: unknown;
      unknown: unknown[];
    };
    expect(plan.unknown).toEqual([]);
    expect(plan.counts).toMatchObject({ accesses: 20, steps: plan.steps.length });
    expect(plan.steps.find(({ register }) => register === "ICW1")).toMatchObject({
      op: "out",
      port: "0x20",
      width: 8,
      value: "0x11",
      device: "pic1",
      from: [0],
      risk: "safe",
    });
    expect(plan.steps.at(-1)).toMatchObject({ port: "0x21", value: "0xfa", from: [18] });
    expect(plan.steps.some(({ register }) => register === "THR")).toBe(false);
  });

  test("prints the same for people", () => {
    expect(place.run("plan", "t.pio").stdout).toMatch(/^out 0x0020 0x11 +pic1\.ICW1 +safe +from 0 /m);
  });
});

describe("portrait stats", () => {
  test("counts by register and verdict, and lists what no description covers", () => {
    const stats = place.json("stats", "t.pio") as { registers: unknown[] };
    expect(stats).toMatchObject({
      accesses: 20,
      durationNs: 19_000,
      verdicts: { read: 7, transfer: 1, unknown: 1 },
      uncovered: { accesses: 1, ports: [{ port: "0x9999", direction: "out", width: 8, count: 1, first: 19 }] },
      polls: [{ port: "0x3fd", register: "com1.LSR", loops: 1, reads: 6, longest: 6 }],
    });
    expect(stats.registers).toContainEqual({
      device: "pic1",
      register: "OCW1",
      in: 1,
      out: 2,
      verdicts: { read: 1, state: 2 },
    });
  });

  test("--filter counts only what passes", () => {
    expect(place.json("stats", "t.pio", "-f", "dev == com1 && dir == out")).toMatchObject({ accesses: 6 });
  });

  test("prints the same for people", () => {
    const { stdout } = place.run("stats", "t.pio");
    expect(stdout).toMatch(/^not covered +1 \(5\.0 %\)$/m);
    expect(stdout).toMatch(/^ +0x9999 +out 8 bits +1 +5\.0 % +first 19$/m);
  });
});

describe("portrait classify", () => {
  test("--keep state leaves a trace from which the same is known, and the same plan follows", () => {
    const { status, stderr } = place.run("classify", "t.pio", "--keep", "state", "-o", "s.pio");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "portrait: s.pio: 10 of 20 accesses kept (50.0 %)\n" });
    expect(place.json("diff", "t.pio", "s.pio", "--by", "state")).toMatchObject({ equal: true, different: [] });
    const steps = (file: string) =>
      (place.json("plan", file) as { steps: Record<string, unknown>[] }).steps.map(
        ({ op, port, value, device, register }) => ({ op, port, value, device, register }),
      );
    expect(steps("s.pio")).toEqual(steps("t.pio"));
    expect(place.run("inspect", "s.pio", "-f", "reg == THR || verdict == read").stdout).toBe("");
  });

  test("--keep state keeps what made a register unknown", async () => {
    const script = new TraceScript().out(0x21, 0xfb).gap("ring was full", 3).out(0x3fb, 0x03);
    await script.save(place.path("gap.pio"));
    place.run("classify", "gap.pio", "--keep", "state", "-o", "gap-state.pio");
    expect(place.json("diff", "gap.pio", "gap-state.pio", "--by", "state")).toMatchObject({ equal: true });
    expect(place.run("inspect", "gap-state.pio").stdout).toContain("gap: ring was full (3 accesses lost)");
  });

  test("--keep write-only leaves out what can be read back", () => {
    place.run("classify", "t.pio", "--keep", "write-only", "-o", "w.pio");
    const registers = place.run("inspect", "w.pio").stdout;
    expect(registers).toContain("pic1.ICW1");
    expect(registers).toContain("com1.FCR");
    expect(registers).not.toContain("pic1.OCW1");
    expect(registers).not.toContain("com1.DLL");
  });

  test("--keep all keeps every access under its number, through a pipe", () => {
    const { stdout } = place.shell("cat t.pio | portrait classify - --keep all -o - | portrait diff t.pio - --exact");
    expect(stdout).toBe("equal\n");
  });

  test("keeps the header and says where the accesses come from", () => {
    place.run("classify", "t.pio", "--keep", "state", "-o", "s.pio");
    expect(place.json("stats", "s.pio")).toMatchObject({
      fromReset: true,
      machine: { engine: "test", guest: "pic and uart" },
      command: ["portrait", "classify", "t.pio", "--keep", "state", "-o", "s.pio"],
    });
    expect(place.run("inspect", "s.pio").stdout).toContain("marker: state of t.pio, which was made by: made by a test");
  });

  test("refuses to overwrite what it reads, and to read stdin twice", () => {
    expect(place.run("classify", "t.pio", "--keep", "state", "-o", "./t.pio")).toMatchObject({ status: 2 });
    expect(place.run("verify", "t.pio").status).toBe(0);
    expect(place.run("classify", "-", "--keep", "state", "-o", "x.pio")).toMatchObject({ status: 2 });
  });
});
