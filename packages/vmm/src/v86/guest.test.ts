import { describe, expect, test } from "vitest";
import { flatImage, HALT_FOR_GOOD, outb } from "../../test/support/tiny-guest.ts";
import type { V86Guest } from "./guest.ts";
import { createV86Machine, type V86MachineOptions } from "./v86-machine.ts";

const MIB = 1 << 20;
const BIOS = flatImage(HALT_FOR_GOOD);

/** A multiboot image with addresses: loaded at 1 MiB, code right after the header, 48 bytes. */
function multibootImage(
  flags: number,
  change: Partial<Record<"load" | "loadEnd" | "checksum", number>> = {},
): Uint8Array {
  const load = change.load ?? MIB;
  const image = Buffer.alloc(48, 0x90);
  const checksum = change.checksum ?? -(0x1badb002 + flags) >>> 0;
  const header = [0x1badb002, flags, checksum, load, load, change.loadEnd ?? load + 48, 0, load + 32];
  header.forEach((word, i) => image.writeUInt32LE(word >>> 0, i * 4));
  image.set([...outb(0x80, 0x77), ...HALT_FOR_GOOD], 32);
  return image;
}

/** A file that is a Linux kernel by its boot header only. */
function kernelHeader(): Buffer {
  const kernel = Buffer.alloc(0x1000);
  kernel.writeUInt16LE(0xaa55, 0x1fe);
  kernel.write("HdrS", 0x202);
  return kernel;
}

async function booted(options: V86MachineOptions): Promise<{ accesses: number; memory: number; reason: string }> {
  const machine = await createV86Machine({ deterministic: true, ...options });
  try {
    const reason = await machine.run({ wallMs: 5_000 });
    return { reason, accesses: machine.accessCount, memory: machine.captureCpuAndMemory().memory.length };
  } finally {
    await machine.destroy();
  }
}

describe("boots", () => {
  test.each([16, 4096, 65536, 262144])("a flat image of %i bytes that ends at 1 MiB", async (size) => {
    const image = new Uint8Array(size).fill(0x90);
    image.set([...outb(0x80, 1), ...HALT_FOR_GOOD], size - 16);
    expect(await booted({ guest: { kind: "image", bytes: image } })).toMatchObject({ reason: "halted", accesses: 1 });
  });

  test("a multiboot image, told by its header", async () => {
    const guest: V86Guest = { kind: "image", bytes: multibootImage(0x10003) };
    expect(await booted({ guest })).toMatchObject({ reason: "halted", accesses: 1 });
  });

  test("a multiboot image without the ports of v86's test harness", async () => {
    const bytes = multibootImage(0x10003);
    bytes.set([...outb(0xf4, 0x10), ...HALT_FOR_GOOD], 32);
    const machine = await createV86Machine({ guest: { kind: "image", bytes }, deterministic: true });
    expect(await machine.run({ wallMs: 5_000 })).toBe("halted");
    expect(machine.droppedAccesses).toBe(0);
    await machine.destroy();
  });

  test("a flat image in which only the magic number of multiboot stands", async () => {
    const image = flatImage([...outb(0x80, 1), ...HALT_FOR_GOOD]);
    new DataView(image.buffer).setUint32(0x100, 0x1badb002, true);
    expect(await booted({ guest: { kind: "image", bytes: image } })).toMatchObject({ reason: "halted", accesses: 1 });
  });

  test("no guest: the machine halts at once", async () => {
    expect(await booted({})).toEqual({ reason: "halted", accesses: 0, memory: 64 * MIB });
  });

  test("in memory of the size asked for", async () => {
    expect(await booted({ memorySize: 3 * MIB })).toMatchObject({ memory: 3 * MIB });
  });
});

describe("refuses, saying what it expects", () => {
  test.each<[string, V86Guest, RegExp]>([
    ["an empty image", { kind: "image", bytes: new Uint8Array() }, /0 bytes long.*flat image of 16 to 262144 bytes/],
    ["an image over 256 KiB", { kind: "image", bytes: new Uint8Array(262145) }, /262145 bytes long/],
    ["an image without a reset vector", { kind: "image", bytes: new Uint8Array(4096) }, /last 16 bytes hold no code/],
    ["multiboot features v86 lacks", { kind: "image", bytes: multibootImage(0x10007) }, /features 10007h/],
    ["multiboot without addresses or ELF", { kind: "image", bytes: multibootImage(3) }, /not a 32-bit ELF/],
    ["multiboot above memory", { kind: "image", bytes: multibootImage(0x10003, { load: 0x7000000 }) }, /7000000h/],
    [
      "multiboot longer than its file",
      { kind: "image", bytes: multibootImage(0x10003, { loadEnd: MIB + 64 }) },
      /do not fit/,
    ],
    ["a BIOS of no size", { kind: "bios", bios: new Uint8Array() }, /BIOS is 0 bytes/],
    ["a VGA BIOS over 64 KiB", { kind: "bios", bios: BIOS, vgaBios: new Uint8Array(65537) }, /VGA BIOS is 65537/],
    ["a kernel that is none", { kind: "bios", bios: BIOS, kernel: new Uint8Array(4096) }, /not an x86 Linux bzImage/],
    ["a RAM disk without a kernel", { kind: "bios", bios: BIOS, initrd: new Uint8Array(16) }, /needs a kernel/],
    ["a command line without a kernel", { kind: "bios", bios: BIOS, append: "quiet" }, /needs a kernel/],
  ])("%s", async (_, guest, message) => {
    await expect(createV86Machine({ guest, memorySize: 64 * MIB })).rejects.toMatchObject({
      code: "V86_GUEST",
      message: expect.stringMatching(message),
    });
  });

  test("a RAM disk that memory has no room for", async () => {
    const guest: V86Guest = { kind: "bios", bios: BIOS, kernel: kernelHeader(), initrd: new Uint8Array(MIB) };
    await expect(createV86Machine({ guest, memorySize: 64 * MIB })).rejects.toMatchObject({
      code: "V86_GUEST",
      message: expect.stringMatching(/too small for an initial RAM disk/),
    });
  });

  test.each([0, -MIB, MIB + 1, 2048 * MIB, NaN])("memory of %d bytes", async (memorySize) => {
    await expect(createV86Machine({ memorySize })).rejects.toMatchObject({ code: "V86_GUEST" });
  });
});
