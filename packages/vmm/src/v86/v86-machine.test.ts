import { createHash } from "node:crypto";
import { accessAt, type Access } from "@portrait/tracer";
import { afterEach, describe, expect, test } from "vitest";
import {
  countingGuest,
  flatImage,
  HALT_FOR_GOOD,
  inb,
  ind,
  inw,
  outb,
  outd,
  outw,
  PIC_SETUP,
  PIT_SETUP,
  PROLOGUE,
  protectedModeGuest,
  STI,
  tickingGuest,
} from "../../test/support/tiny-guest.ts";
import { createV86Machine, type V86Machine, type V86MachineOptions } from "./v86-machine.ts";

const MIB = 1 << 20;
const machines: V86Machine[] = [];

async function machineOf(options: V86MachineOptions): Promise<V86Machine> {
  const machine = await createV86Machine({ memorySize: 2 * MIB, deterministic: true, ...options });
  machines.push(machine);
  return machine;
}

function imageMachine(bytes: Uint8Array, deterministic = true): Promise<V86Machine> {
  return machineOf({ guest: { kind: "image", bytes }, deterministic });
}

function recording(machine: V86Machine): { readonly accesses: Access[]; readonly flush: () => void } {
  const accesses: Access[] = [];
  const tap = machine.tap((batch) => {
    for (let i = 0; i < batch.length; i++) accesses.push(accessAt(batch, i));
  });
  return { accesses, flush: () => tap.flush() };
}

function memoryHash(machine: V86Machine): string {
  return createHash("sha256").update(machine.captureCpuAndMemory().memory).digest("hex");
}

function wordAt(machine: V86Machine, address: number): number {
  return Buffer.from(machine.captureCpuAndMemory().memory.slice(address, address + 4)).readUInt32LE();
}

/** The CPU's registers, without the time-stamp counter. */
function registers(machine: V86Machine): unknown {
  return JSON.parse(Buffer.from(machine.captureCpuAndMemory().cpu).toString()).views;
}

function fieldsOf(machine: V86Machine): ReadonlyMap<string, unknown> {
  return new Map(machine.deviceFields().map(({ path, value }) => [path, value]));
}

/** Waits with interrupts off until IRQ0 is requested, then OUT directly after STI; the handler counts at 0500h. */
const PENDING_INTERRUPT = flatImage(
  [
    ...PROLOGUE,
    ...[...PIC_SETUP, ...PIT_SETUP].flatMap(([port, value]) => outb(port, value)),
    ...[0x66, 0xb9, 0x00, 0x09, 0x3d, 0x00, 0x67, 0xe2, 0xfd], // LOOP, 4,000,000 times
    ...[STI, 0xe6, 0x80, 0x90, ...HALT_FOR_GOOD],
  ],
  [0xfe, 0x06, 0x00, 0x05, 0xcf],
);
const PENDING_ACCESSES = PIC_SETUP.length + PIT_SETUP.length + 1;

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.destroy();
});

describe("recording", () => {
  test("has every access of every width in order, the PIC's and ELCR's too", async () => {
    const machine = await imageMachine(
      flatImage([
        ...PIC_SETUP.flatMap(([port, value]) => outb(port, value)),
        ...[...inb(0x21), ...inb(0xa1), ...inb(0x20), ...outb(0x4d0, 0x20), ...inb(0x4d0), ...outb(0x4d1, 0x0c)],
        ...[...outw(0x3c4, 0x0f02), ...inw(0x999), ...outd(0xcf8, 0x80000000), ...ind(0xcfc), ...ind(0x999)],
        ...HALT_FOR_GOOD,
      ]),
    );
    const { accesses, flush } = recording(machine);
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    flush();
    const setup = PIC_SETUP.map(([port, value]) => ["out", 8, port, value]);
    expect(accesses.map(({ direction, width, port, value }) => [direction, width, port, value])).toEqual([
      ...setup,
      ["in", 8, 0x21, 0xfe],
      ["in", 8, 0xa1, 0xff],
      ["in", 8, 0x20, 0x00],
      ["out", 8, 0x4d0, 0x20],
      ["in", 8, 0x4d0, 0x20],
      ["out", 8, 0x4d1, 0x0c],
      ["out", 16, 0x3c4, 0x0f02],
      ["in", 16, 0x999, 0xffff],
      ["out", 32, 0xcf8, 0x80000000],
      ["in", 32, 0xcfc, 0x12378086],
      ["in", 32, 0x999, 0xffffffff],
    ]);
    expect(accesses.map(({ seq }) => seq)).toEqual(accesses.map((_, i) => i));
    expect(machine.accessCount).toBe(accesses.length);
  });

  test("gives times in whole nanoseconds that never go back", async () => {
    const machine = await imageMachine(tickingGuest(5));
    const { accesses, flush } = recording(machine);
    await machine.run({ wallMs: 10_000 });
    flush();
    const times = accesses.map(({ time }) => time);
    expect(times.every((time) => Number.isInteger(time))).toBe(true);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(4e6);
    expect(machine.now()).toBeGreaterThanOrEqual(times.at(-1) ?? 0);
  });

  test("has each element of a string instruction as an access", async () => {
    const repOutsb = [0xbe, 0x00, 0xf8, 0xb9, 0x05, 0x00, 0xba, 0xf8, 0x03, 0xfc, 0x2e, 0xf3, 0x6e];
    const machine = await imageMachine(
      flatImage([...PROLOGUE, ...repOutsb, ...HALT_FOR_GOOD], [...Buffer.from("hello")]),
    );
    const { accesses, flush } = recording(machine);
    await machine.run({ wallMs: 10_000 });
    flush();
    expect(accesses.map(({ port, value, count }) => [port, String.fromCharCode(value), count])).toEqual(
      "hello".split("").map((letter) => [0x3f8, letter, 1]),
    );
    expect(machine.console).toBe("hello");
  });
});

describe("determinism", () => {
  /** Ten random numbers to 0600h on (RDRAND EAX, STOSD), then ticks. */
  const image = tickingGuest(50);
  image.copyWithin(0x100, 0, 0x100);
  image.set([0x31, 0xc0, 0x8e, 0xc0, 0xbf, 0x00, 0x06, 0xb9, 0x0a, 0x00, 0xfc], 0);
  image.set([0x66, 0x0f, 0xc7, 0xf0, 0x66, 0xab, 0xe2, 0xf8, 0xe9, 0xea, 0x00], 11);

  async function ran(tapped: boolean): Promise<Record<string, unknown>> {
    const machine = await imageMachine(image);
    const recorded = tapped ? recording(machine) : undefined;
    expect(await machine.run({ wallMs: 20_000 })).toBe("halted");
    recorded?.flush();
    return {
      accesses: recorded?.accesses,
      count: machine.accessCount,
      memory: memoryHash(machine),
      cpu: Buffer.from(machine.captureCpuAndMemory().cpu).toString(),
      devices: machine.deviceFields(),
      time: machine.now(),
    };
  }

  test("two runs give the same accesses at the same times, memory, CPU and devices", async () => {
    expect(await ran(true)).toEqual(await ran(true));
  });

  test("idle time is skipped", async () => {
    const machine = await imageMachine(flatImage([STI, 0xf4, 0xeb, 0xfd]));
    expect(await machine.run({ guestMs: 600_000, wallMs: 10_000 })).toBe("limit");
    expect(machine.now()).toBeGreaterThanOrEqual(600_000e6);
  });

  test("a tap does not change the guest", async () => {
    expect({ ...(await ran(true)), accesses: undefined }).toEqual(await ran(false));
  });
});

describe("stopping at an access", () => {
  test("is exact for every access of a guest that takes interrupts", async () => {
    const whole = await imageMachine(tickingGuest(4));
    const { accesses, flush } = recording(whole);
    await whole.run({ wallMs: 10_000 });
    flush();

    const stepped = await imageMachine(tickingGuest(4));
    const steps = recording(stepped);
    for (let n = 1; n <= accesses.length; n++) {
      expect(await stepped.run({ accesses: n, wallMs: 10_000 })).toBe("limit");
      expect(stepped.accessCount).toBe(n);
    }
    expect(await stepped.run({ wallMs: 10_000 })).toBe("halted");
    steps.flush();
    const withoutTime = (list: readonly Access[]): unknown => list.map((access) => ({ ...access, time: undefined }));
    expect(withoutTime(steps.accesses)).toEqual(withoutTime(accesses));
    expect(stepped.console).toBe("....!");
  });

  test("runs nothing after the instruction, in interpreted and in compiled code", async () => {
    const machine = await imageMachine(countingGuest(400_000));
    for (const n of [1, 2, 100, 5_000, 77_777, 300_001, 399_999]) {
      expect(await machine.run({ accesses: n, wallMs: 20_000 })).toBe("limit");
      expect(machine.accessCount).toBe(n);
      expect(wordAt(machine, 0x500)).toBe(n - 1);
    }
  });

  test("is not undone by an interrupt that is let through with the access", async () => {
    const machine = await imageMachine(PENDING_INTERRUPT);
    expect(await machine.run({ accesses: PENDING_ACCESSES, wallMs: 20_000 })).toBe("limit");
    expect(wordAt(machine, 0x500)).toBe(0);
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    expect(wordAt(machine, 0x500)).toBe(1);
  });
});

describe("running", () => {
  test("ends by itself when the guest halts with interrupts off", async () => {
    const machine = await imageMachine(tickingGuest(3));
    expect(await machine.run({})).toBe("halted");
    expect(machine.console).toBe("...!");
    expect(await machine.run({})).toBe("halted");
  });

  test("stops when the predicate holds, asked after every access", async () => {
    const machine = await imageMachine(tickingGuest(9));
    expect(await machine.run({ until: () => machine.console.length === 4, wallMs: 10_000 })).toBe("predicate");
    expect(machine.console).toBe("....");
    expect(await machine.run({ until: () => machine.console.length === 4, wallMs: 10_000 })).toBe("predicate");
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
  });

  test("stops after guest time, which stands still between runs", async () => {
    const machine = await imageMachine(tickingGuest(200), false);
    expect(await machine.run({ guestMs: 20, wallMs: 10_000 })).toBe("limit");
    const stopped = machine.now();
    expect(stopped).toBeGreaterThanOrEqual(20e6);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(machine.now()).toBe(stopped);
  });

  test("stops when its signal aborts", async () => {
    const machine = await imageMachine(tickingGuest(200), false);
    const controller = new AbortController();
    machine.onConsole(() => controller.abort());
    expect(await machine.run({ signal: controller.signal, wallMs: 10_000 })).toBe("interrupted");
  });

  test("stops after wall-clock time while the guest waits for nothing", async () => {
    const machine = await imageMachine(flatImage([STI, 0xf4, 0xeb, 0xfd]));
    expect(await machine.run({ wallMs: 30 })).toBe("limit");
  });

  test("throws what a listener throws, and goes on from there", async () => {
    const machine = await imageMachine(tickingGuest(6));
    let failing = true;
    machine.onConsole(() => {
      if (failing && machine.console.length === 3) throw new RangeError("enough");
    });
    await expect(machine.run({ wallMs: 10_000 })).rejects.toThrow(RangeError);
    failing = false;
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    expect(machine.console).toBe("......!");
  });

  test("a fault v86 does not model is an error that says where", async () => {
    // Protected mode without a descriptor table for interrupts, then an invalid instruction.
    const lidt = [0x0f, 0x01, 0x1e, 0x00, 0x06];
    const protect = [0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0x0f, 0x0b];
    const machine = await imageMachine(flatImage([...PROLOGUE, ...outb(0x80, 1), ...lidt, ...protect]));
    const { accesses, flush } = recording(machine);
    await expect(machine.run({ wallMs: 10_000 })).rejects.toMatchObject({
      code: "V86_FAULT",
      message: expect.stringMatching(/gave up at linear address ff0/),
    });
    flush();
    expect(accesses.length).toBe(1);
  });

  test("a device of v86 that throws drops the access, and the guest goes on", async () => {
    // The configuration space of device 31, which is absent.
    const machine = await imageMachine(flatImage([...outd(0xcf8, 0x8000f800), ...outw(0xcfc, 1), ...HALT_FOR_GOOD]));
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    expect(machine.accessCount).toBe(2);
    expect(machine.droppedAccesses).toBe(1);
  });

  test("types on the first serial port and reads from it", async () => {
    const receive = [...inb(0x3fd), 0xa8, 0x01, 0x74, 0xf8, ...inb(0x3f8), 0xee, 0x3c, 0x0a, 0x75, 0xef];
    const machine = await imageMachine(flatImage([...receive, ...HALT_FOR_GOOD]));
    await machine.run({ guestMs: 1 });
    machine.type("grüße\n");
    expect(await machine.run({ wallMs: 10_000 })).toBe("halted");
    expect(machine.console).toBe("grüße\n");
  });
});

describe("the stopped machine's ports", () => {
  test("reach every device, the PIC too, and leave the guest's trace alone", async () => {
    const machine = await imageMachine(tickingGuest(3));
    const { accesses, flush } = recording(machine);
    await machine.run({ accesses: 5 });
    const values = await machine.ports.perform([
      { direction: "out", port: 0x4d0, width: 8, value: 0x20 },
      { direction: "in", port: 0x4d0, width: 8 },
      { direction: "out", port: 0x3ff, width: 8, value: 0x5a },
      { direction: "in", port: 0x3ff, width: 8 },
      { direction: "out", port: 0xcf8, width: 32, value: 0x80000000 },
      { direction: "in", port: 0xcfc, width: 32 },
      { direction: "in", port: 0xcf8, width: 32 },
      { direction: "in", port: 0x999, width: 16 },
    ]);
    expect(values).toEqual([0, 0x20, 0, 0x5a, 0, 0x12378086, 0x80000000, 0xffff]);
    flush();
    expect(accesses.length).toBe(5);
    expect(machine.accessCount).toBe(5);
  });

  test("do not let an interrupt into the stopped CPU", async () => {
    const machine = await imageMachine(PENDING_INTERRUPT);
    await machine.run({ accesses: PENDING_ACCESSES, wallMs: 20_000 });
    expect(fieldsOf(machine).get("pic.master.irr")).toBe(1);
    const before = registers(machine);
    await machine.ports.perform([{ direction: "out", port: 0x21, width: 8, value: 0xfe }]);
    expect(registers(machine)).toEqual(before);
  });

  test("are refused while the guest runs", async () => {
    const machine = await imageMachine(tickingGuest(200));
    const run = machine.run({ guestMs: 50 });
    await expect(machine.ports.perform([{ direction: "in", port: 0x21, width: 8 }])).rejects.toMatchObject({
      code: "PORT_TARGET",
    });
    await run;
  });

  test("take any access without failing", async () => {
    const machine = await machineOf({});
    for (let port = 0; port < 0x10000; port++) {
      await machine.ports.perform([
        { direction: "in", port, width: 8 },
        { direction: "in", port, width: 16 },
        { direction: "in", port, width: 32 },
        { direction: "out", port, width: 8, value: 0xa5 },
        { direction: "out", port, width: 16, value: 0xa55a },
        { direction: "out", port, width: 32, value: 0xa55aa55a },
      ]);
    }
    expect(machine.deviceFields().length).toBeGreaterThan(500);
  });
});

describe("CPU and memory", () => {
  test("of a guest in protected mode go on in a machine that was in real mode", async () => {
    const source = await imageMachine(protectedModeGuest(600_000));
    await source.run({ accesses: 300_000, wallMs: 20_000 });
    const target = await machineOf({});
    target.restoreCpuAndMemory(source.captureCpuAndMemory());
    expect(await target.run({ wallMs: 20_000 })).toBe("halted");
    expect(target.accessCount).toBe(300_000);
    expect(wordAt(target, 0x500)).toBe(600_000);
  });

  test("go on in another machine once its devices are programmed, and stand still without", async () => {
    const source = await imageMachine(tickingGuest(8));
    await source.run({ until: () => source.console === "...", wallMs: 10_000 });
    await source.run({ accesses: source.accessCount + 1 });
    const state = source.captureCpuAndMemory();

    const frozen = await machineOf({});
    frozen.restoreCpuAndMemory(state);
    await frozen.run({ guestMs: 1_000, wallMs: 10_000 });
    expect(frozen.console).toBe("");

    const target = await machineOf({});
    target.restoreCpuAndMemory(state);
    const writes = [...PIT_SETUP, ...PIC_SETUP];
    await target.ports.perform(writes.map(([port, value]) => ({ direction: "out", port, width: 8, value })));
    expect(await target.run({ wallMs: 10_000 })).toBe("halted");
    expect(target.console).toBe(".....!");
  });

  test("take the place of a guest that ran before, whose compiled code is gone", async () => {
    const source = await imageMachine(protectedModeGuest(100_000));
    await source.run({ accesses: 1_000, wallMs: 20_000 });
    const target = await imageMachine(protectedModeGuest(600_000, 0x81));
    await target.run({ accesses: 300_000, wallMs: 20_000 });
    target.restoreCpuAndMemory(source.captureCpuAndMemory());
    const { accesses, flush } = recording(target);
    expect(await target.run({ wallMs: 20_000 })).toBe("halted");
    flush();
    expect(accesses.length).toBe(99_000);
    expect(accesses.filter(({ port }) => port !== 0x80)).toEqual([]);
  });

  test("come back as they were", async () => {
    const source = await imageMachine(tickingGuest(8));
    await source.run({ accesses: 20 });
    const state = source.captureCpuAndMemory();
    const target = await machineOf({});
    target.restoreCpuAndMemory(state);
    expect(registers(target)).toEqual(registers(source));
    expect(memoryHash(target)).toBe(memoryHash(source));
  });

  test("the time-stamp counter goes on from where it was", async () => {
    const source = await imageMachine(tickingGuest(100));
    await source.run({ guestMs: 40 });
    const tsc = (machine: V86Machine): number =>
      JSON.parse(Buffer.from(machine.captureCpuAndMemory().cpu).toString()).tsc[0];
    const target = await machineOf({});
    target.restoreCpuAndMemory(source.captureCpuAndMemory());
    expect(tsc(source)).toBeGreaterThan(1e6);
    expect(Math.abs(tsc(target) - tsc(source))).toBeLessThan(1e5);
  });

  test.each([
    ["another engine", { engine: "qemu" }, /qemu/],
    ["another version", { engineVersion: "0.5.1" }, /0\.5\.1/],
    ["another memory size", { memory: new Uint8Array(MIB) }, /1048576 bytes of memory/],
    ["a CPU that is no JSON", { cpu: Buffer.from("x") }, /not JSON/],
    ["a CPU of another layout", { cpu: Buffer.from('{"layout":2}') }, /layout 2, expected 1/],
    [
      "a CPU without registers",
      { cpu: Buffer.from('{"layout":1,"tsc":[0,0],"views":{}}') },
      /segment_is_null: expected 8/,
    ],
  ])("of %s are refused and nothing changes", async (_, change, message) => {
    const machine = await imageMachine(tickingGuest(3));
    await machine.run({ accesses: 7 });
    const state = machine.captureCpuAndMemory();
    const before = [memoryHash(machine), registers(machine)];
    const restore = (): void => machine.restoreCpuAndMemory({ ...state, ...change });
    expect(restore).toThrow(expect.objectContaining({ code: "V86_STATE", message: expect.stringMatching(message) }));
    expect([memoryHash(machine), registers(machine)]).toEqual(before);
  });
});

describe("device fields", () => {
  test("show under their names what was written to the ports", async () => {
    const machine = await machineOf({});
    const writes = [
      ...[...PIC_SETUP, ...PIT_SETUP, [0xa1, 0xef], [0x4d1, 0x0c], [0x20, 0x0b], [0xa0, 0x68]],
      ...[
        [0x3fb, 0x83],
        [0x3f8, 0x0c],
        [0x3fb, 0x1b],
        [0x3fa, 0xc7],
        [0x3fc, 0x0b],
        [0x3ff, 0x77],
      ],
      ...[
        [0x70, 0x8b],
        [0x71, 0x06],
        [0x64, 0x60],
        [0x60, 0x47],
        [0x0b, 0x58],
        [0x0f, 0x0b],
        [0x83, 0x12],
      ],
      ...[
        [0x3c4, 0x04],
        [0x3c5, 0x0e],
        [0x92, 0x02],
      ],
    ];
    await machine.ports.perform(writes.map(([port = 0, value = 0]) => ({ direction: "out", port, width: 8, value })));
    const fields = fieldsOf(machine);
    const expected = {
      "pic.master.irq_map": 0x20,
      "pic.master.irq_mask": 0x01,
      "pic.master.is_master": 1,
      "pic.master.read_isr": 1,
      "pic.slave.irq_map": 0x28,
      "pic.slave.irq_mask": 0x10,
      "pic.slave.is_master": 0,
      "pic.slave.elcr": 0x0c,
      "pic.slave.special_mask_mode": 1,
      "pic.slave.auto_eoi": 0,
      "pit.counter_mode[0]": 2,
      "pit.counter_read_mode[0]": 3,
      "pit.counter_reload[0]": 0x04a9,
      "uart0.baud_rate": 0x0c,
      "uart0.line_control": 0x1b,
      "uart0.fifo_control": 0xc1,
      "uart0.modem_control": 0x0b,
      "uart0.scratch_register": 0x77,
      "rtc.cmos_index": 0x0b,
      "rtc.nmi_disabled": 1,
      "rtc.cmos_b": 0x06,
      "ps2.command_register": 0x47,
      "dma.channel_mode[0]": 0x58,
      "dma.channel_mask[3]": 1,
      "dma.channel_mask[2]": 0,
      "dma.channel_page[1]": 0x12,
      "vga.sequencer_memory_mode": 0x0e,
      "port92.a20_byte": 0x02,
    };
    expect(Object.fromEntries(Object.keys(expected).map((path) => [path, fields.get(path)]))).toEqual(expected);
  });

  test("have a fixed order and distinct paths", async () => {
    const paths = async (): Promise<string[]> => (await machineOf({})).deviceFields().map(({ path }) => path);
    const first = await paths();
    expect(first).toEqual(await paths());
    expect(new Set(first).size).toBe(first.length);
  });
});
