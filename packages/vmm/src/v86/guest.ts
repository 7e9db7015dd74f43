import type { V86File, V86Settings } from "./internals.ts";
import { V86Error } from "./errors.ts";

/** What a machine boots. */
export type V86Guest =
  /**
   * Our own image: either flat, placed so that it ends at 1 MiB and started at its reset vector F000:FFF0, or multiboot
   * (version 1), told apart by a valid multiboot header in its first 8 KiB.
   */
  | { readonly kind: "image"; readonly bytes: Uint8Array }
  /** A PC BIOS, and optionally a Linux kernel (bzImage) that it boots with an initial RAM disk and a command line. */
  | {
      readonly kind: "bios";
      readonly bios: Uint8Array;
      readonly vgaBios?: Uint8Array | undefined;
      readonly kernel?: Uint8Array | undefined;
      readonly initrd?: Uint8Array | undefined;
      readonly append?: string | undefined;
    };

/** The part of v86's settings that names the guest. */
export type GuestSettings = Pick<V86Settings, "bios" | "vga_bios" | "multiboot" | "bzimage" | "initrd" | "cmdline">;

/** Bytes of a ROM image below 1 MiB: from the end of video memory at A0000h–BFFFFh. */
const ROM_SIZE = 0x40000;
const RESET_VECTOR_SIZE = 16;
const MULTIBOOT_MAGIC = 0x1badb002;
const MULTIBOOT_SEARCH = 8192;
/** v86 gives memory of at least this size to a guest with an initial RAM disk (create_memory, src/cpu.js). */
const INITRD_MIN_MEMORY = 64 << 20;

/** What an unbooted machine holds at its reset vector: CLI, HLT. */
const HALTING_IMAGE = Uint8Array.from([0xfa, 0xf4, ...new Array<number>(RESET_VECTOR_SIZE - 2).fill(0x90)]);

/** Settings that boot the guest, or a machine that halts at once when there is none. Throws {@link V86Error} `V86_GUEST`. */
export function guestSettings(guest: V86Guest | undefined, memorySize: number): GuestSettings {
  if (guest === undefined) return { bios: fileOf(HALTING_IMAGE) };
  switch (guest.kind) {
    case "image":
      return imageSettings(guest.bytes, memorySize);
    case "bios":
      return biosSettings(guest, memorySize);
  }
}

function imageSettings(bytes: Uint8Array, memorySize: number): GuestSettings {
  const header = multibootHeader(bytes);
  if (header !== undefined) {
    checkMultiboot(bytes, header, memorySize);
    return { multiboot: fileOf(bytes) };
  }
  if (bytes.length < RESET_VECTOR_SIZE || bytes.length > ROM_SIZE) {
    throw imageError(`it is ${bytes.length} bytes long`);
  }
  const vector = bytes.subarray(-RESET_VECTOR_SIZE);
  if (vector.every((byte) => byte === vector[0])) throw imageError("its last 16 bytes hold no code");
  return { bios: fileOf(bytes) };
}

function biosSettings(guest: Extract<V86Guest, { kind: "bios" }>, memorySize: number): GuestSettings {
  const { bios, vgaBios, kernel, initrd, append } = guest;
  if (bios.length < RESET_VECTOR_SIZE || bios.length > ROM_SIZE) {
    throw guestError(
      `the BIOS is ${bios.length} bytes long, expected 16 to ${ROM_SIZE}; use a 64, 128 or 256 KiB image`,
    );
  }
  if (vgaBios !== undefined && (vgaBios.length === 0 || vgaBios.length > 0x10000)) {
    throw guestError(`the VGA BIOS is ${vgaBios.length} bytes long, expected at most 65536`);
  }
  if (kernel === undefined && (initrd !== undefined || append !== undefined)) {
    throw guestError("an initial RAM disk or a command line needs a kernel; give one");
  }
  if (kernel !== undefined) checkKernel(kernel, initrd, memorySize);
  return {
    bios: fileOf(bios),
    ...(vgaBios && { vga_bios: fileOf(vgaBios) }),
    ...(kernel && { bzimage: fileOf(kernel) }),
    ...(initrd && { initrd: fileOf(initrd) }),
    ...(append !== undefined && { cmdline: append }),
  };
}

/** Linux boot protocol (Documentation/arch/x86/boot.rst): AA55h at 1FEh, "HdrS" at 202h. */
function checkKernel(kernel: Uint8Array, initrd: Uint8Array | undefined, memorySize: number): void {
  const view = viewOf(kernel);
  if (kernel.length < 0x268 || view.getUint16(0x1fe, true) !== 0xaa55 || view.getUint32(0x202, true) !== 0x53726448) {
    throw guestError("the kernel is not an x86 Linux bzImage (no HdrS at 202h); use a vmlinuz of a 32-bit kernel");
  }
  if (initrd !== undefined && memorySize < INITRD_MIN_MEMORY + initrd.length) {
    throw guestError(
      `memory of ${memorySize} bytes is too small for an initial RAM disk of ${initrd.length}; use at least 64 MiB and the RAM disk's size`,
    );
  }
}

/** Offset of a valid multiboot header (Multiboot Specification 0.6.96, 3.1.1), undefined where there is none. */
function multibootHeader(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  for (let at = 0; at + 12 <= Math.min(bytes.length, MULTIBOOT_SEARCH); at += 4) {
    if (view.getUint32(at, true) !== MULTIBOOT_MAGIC) continue;
    const sum = MULTIBOOT_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true);
    if (sum >>> 0 === 0) return at;
  }
  return undefined;
}

function checkMultiboot(bytes: Uint8Array, header: number, memorySize: number): void {
  const view = viewOf(bytes);
  const flags = view.getUint32(header + 4, true);
  if ((flags & 0xfffc) !== 0) throw imageError(`its multiboot header asks for features ${hex(flags)}, v86 has 3h`);
  if ((flags & 0x10000) === 0) {
    if (view.getUint32(0, true) !== 0x464c457f || bytes[4] !== 1 || bytes[5] !== 1) {
      throw imageError("its multiboot header gives no addresses (bit 16) and it is not a 32-bit ELF file");
    }
    return;
  }
  if (header + 32 > bytes.length) throw imageError("its multiboot header is cut off");
  const [headerAddress, load, loadEnd] = [12, 16, 20].map((at) => view.getUint32(header + at, true));
  checkLoadAddresses(bytes, header, headerAddress ?? 0, load ?? 0, loadEnd ?? 0, memorySize);
}

function checkLoadAddresses(
  bytes: Uint8Array,
  header: number,
  headerAddress: number,
  load: number,
  loadEnd: number,
  memorySize: number,
): void {
  const fileStart = header - (headerAddress - load);
  const length = loadEnd === 0 ? bytes.length - fileStart : loadEnd - load;
  if (fileStart < 0 || length < 0 || fileStart + length > bytes.length || load + length > memorySize) {
    throw imageError(
      `its multiboot load addresses ${hex(load)}–${hex(load + length)} do not fit the file and the memory`,
    );
  }
}

function imageError(what: string): V86Error {
  return guestError(
    `the guest image cannot be booted: ${what}. Expected a flat image of 16 to ${ROM_SIZE} bytes that ends at 1 MiB ` +
      "with its reset vector (F000:FFF0) in the last 16 bytes, or a multiboot image with a valid header in its first 8 KiB",
  );
}

function guestError(message: string): V86Error {
  return new V86Error("V86_GUEST", message);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fileOf(bytes: Uint8Array): V86File {
  return { buffer: new Uint8Array(bytes).buffer };
}

function hex(value: number): string {
  return `${(value >>> 0).toString(16).toUpperCase()}h`;
}
