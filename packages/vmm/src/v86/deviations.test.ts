import type { PortOperation } from "@portrait/replayer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PIC_SETUP, tickingGuest } from "../../test/support/tiny-guest.ts";
import { v86Deviations, v86Differences } from "./deviations.ts";
import { createV86Machine, type V86Machine } from "./v86-machine.ts";

let machine: V86Machine;

beforeEach(async () => {
  const guest = { kind: "image", bytes: tickingGuest(9) } as const;
  machine = await createV86Machine({ guest, memorySize: 1 << 20, deterministic: true });
});

afterEach(() => machine.destroy());

function out(...writes: readonly (readonly [port: number, value: number])[]): Promise<readonly number[]> {
  return machine.ports.perform(writes.map(([port, value]) => ({ direction: "out", port, width: 8, value })));
}

async function read(operation: Omit<Extract<PortOperation, { direction: "in" }>, "direction">): Promise<number> {
  const [value = -1] = await machine.ports.perform([{ direction: "in", ...operation }]);
  return value;
}

function field(path: string): unknown {
  return machine.deviceFields().find((f) => f.path === path)?.value;
}

function matches(pattern: string, path: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.[\]]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(path);
}

test("every path that is named stands in the dump", () => {
  const paths = machine.deviceFields().map((f) => f.path);
  const patterns = [...v86Deviations.map((d) => d.path), ...v86Differences.flatMap((d) => d.fields)];
  expect(patterns.filter((pattern) => !paths.some((path) => matches(pattern, path)))).toEqual([]);
});

describe("v86 still differs from the hardware", () => {
  /** Stops the guest in its timer handler, before the EOI: IR0 is in service. */
  async function inService(): Promise<void> {
    await machine.run({ until: () => machine.console === "." });
    expect(field("pic.master.isr")).toBe(1);
  }

  test("8259: ICW1 with SNGL still waits for ICW3", async () => {
    await out([0x20, 0x13], [0x21, 0x20]);
    expect(field("pic.master.state")).toBe(2);
  });

  test("8259: AEOI is on after ICW1 without IC4", async () => {
    await out([0x20, 0x10], [0x21, 0x20], [0x21, 0x04]);
    expect(field("pic.master.auto_eoi")).toBe(1);
  });

  test("8259: ICW1 keeps the read select and special mask mode", async () => {
    await out([0x20, 0x0b], [0x20, 0x68], ...PIC_SETUP);
    expect([field("pic.master.read_isr"), field("pic.master.special_mask_mode")]).toEqual([1, 1]);
  });

  test.each([0x00, 0x40, 0x80, 0xe7])("8259: OCW2 %i is a non-specific EOI", async (ocw2) => {
    await inService();
    await out([0x20, ocw2]);
    expect(field("pic.master.isr")).toBe(0);
  });

  test("8259: a command word with bits 7 and 3 is an OCW3", async () => {
    await out([0x20, 0x8b]);
    expect(field("pic.master.read_isr")).toBe(1);
  });

  test("ELCR: the bits of IRQ0-2, 8 and 13 are kept", async () => {
    await out([0x4d0, 0x07], [0x4d1, 0x21]);
    expect([field("pic.master.elcr"), field("pic.slave.elcr")]).toEqual([0x07, 0x21]);
  });

  test("8259: a poll reads IRR", async () => {
    await out(...PIC_SETUP, [0x3f9, 0x01]);
    machine.type("x");
    await out([0x20, 0x0c]);
    expect(await read({ port: 0x20, width: 8 })).toBe(0x10);
  });

  test("8254: no read-back", async () => {
    await out([0x43, 0x34], [0x40, 0x34], [0x40, 0x12], [0x43, 0xc2]);
    expect(field("pit.counter_latch[0]")).toBe(0);
  });

  test("8254: a count of one byte keeps the other; count 0 is FFFFh", async () => {
    await out([0x43, 0x34], [0x40, 0x34], [0x40, 0x12], [0x43, 0x14], [0x40, 0x56]);
    expect(field("pit.counter_reload[0]")).toBe(0x1256);
    await out([0x43, 0x34], [0x40, 0x00], [0x40, 0x00]);
    expect(field("pit.counter_reload[0]")).toBe(0xffff);
  });

  test("8254: reading in mode 3 moves the flip-flop for writing", async () => {
    await out([0x43, 0x36], [0x40, 0x34], [0x40, 0x12]);
    await read({ port: 0x40, width: 8 });
    expect(field("pit.counter_next_low[0]")).toBe(0);
  });

  test("port 61h does not keep gate and speaker bits", async () => {
    await out([0x61, 0x03]);
    expect((await read({ port: 0x61, width: 8 })) & 0x03).toBe(0);
  });

  test("MC146818: CMOS RAM writes are dropped", async () => {
    const before = field("rtc.cmos_data[64]");
    await out([0x70, 0x40], [0x71, 0x5a]);
    expect(field("rtc.cmos_data[64]")).toBe(before);
  });

  test("port 92h: bit 0 does not reset the CPU", async () => {
    await machine.run({ accesses: 5 });
    await out([0x92, 0x01]);
    expect(await machine.run({ accesses: 6 })).toBe("limit");
  });

  test("16550: FCR's reset bits leave the receive FIFO as it is", async () => {
    machine.type("abc");
    await out([0x3fa, 0x07]);
    expect(field("uart0.input.length")).toBe(3);
  });

  test("8042: a command does not end the wait for a parameter", async () => {
    await out([0x64, 0x60], [0x64, 0xd4]);
    expect([field("ps2.read_command_register"), field("ps2.next_is_mouse_command")]).toEqual([true, true]);
  });

  test("8237: clear mask and master clear are dropped, the flip-flop is one for both", async () => {
    await out([0x0f, 0x0f], [0x0e, 0x00], [0x0d, 0x00]);
    expect(field("dma.channel_mask[1]")).toBe(1);
    await out([0x0c, 0x00], [0x02, 0x34], [0xd8, 0x00]);
    expect(field("dma.lsb_msb_flipflop")).toBe(0);
  });

  test("PCI: CF8h reads as whether the device exists", async () => {
    await machine.ports.perform([{ direction: "out", port: 0xcf8, width: 32, value: 0x80000804 }]);
    expect(await read({ port: 0xcf8, width: 32 })).toBe(0x80000000);
  });

  test("PCI: CFCh is read from a copy made at the write of CF8h", async () => {
    const write = (port: number, value: number): PortOperation => ({ direction: "out", port, width: 32, value });
    await machine.ports.perform([write(0xcf8, 0x80000860), write(0xcfc, 0x0b0b0a0a)]);
    expect(await read({ port: 0xcfc, width: 32 })).not.toBe(0x0b0b0a0a);
    await machine.ports.perform([write(0xcf8, 0x80000860)]);
    expect(await read({ port: 0xcfc, width: 32 })).toBe(0x0b0b0a0a);
  });

  test("an access of 16 bits to an 8-bit port is not split", async () => {
    expect(await read({ port: 0x21, width: 16 })).toBe(0xffff);
  });
});
