/**
 * Real-mode guests of a few bytes, put together by hand: 4 KiB that end at 1 MiB, code from F000:F000, an interrupt
 * handler at F000:F800, the reset vector at F000:FFF0.
 */

/** A flat image of `code`, with `handler` at F000:F800. */
export function flatImage(code: readonly number[], handler: readonly number[] = []): Uint8Array {
  const image = new Uint8Array(0x1000).fill(0xf4);
  image.set(code, 0);
  image.set(handler, 0x800);
  image.set([0xea, 0x00, 0xf0, 0x00, 0xf0], 0xff0); // jmp F000:F000
  return image;
}

/** OUT of a byte; changes AL and, above FFh, DX. */
export function outb(port: number, value: number): number[] {
  return [0xb0, value, ...(port > 0xff ? [...movDx(port), 0xee] : [0xe6, port])];
}

/** IN of a byte to AL; changes, above FFh, DX. */
export function inb(port: number): number[] {
  return port > 0xff ? [...movDx(port), 0xec] : [0xe4, port];
}

/** OUT of a word; changes AX and DX. */
export function outw(port: number, value: number): number[] {
  return [0xb8, value & 0xff, value >> 8, ...movDx(port), 0xef];
}

/** OUT of a doubleword; changes EAX and DX. */
export function outd(port: number, value: number): number[] {
  const bytes = [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
  return [0x66, 0xb8, ...bytes, ...movDx(port), 0x66, 0xef];
}

/** IN of a word to AX; changes DX. */
export function inw(port: number): number[] {
  return [...movDx(port), 0xed];
}

/** IN of a doubleword to EAX; changes DX. */
export function ind(port: number): number[] {
  return [...movDx(port), 0x66, 0xed];
}

function movDx(port: number): number[] {
  return [0xba, port & 0xff, port >> 8];
}

const MIB = 1 << 20;

export const CLI = 0xfa;
export const STI = 0xfb;
/** CLI, and HLT for good. */
export const HALT_FOR_GOOD: readonly number[] = [CLI, 0xf4];

/** Both 8259 as on a PC (vectors 20h, 28h), only IRQ0 let through. */
export const PIC_SETUP: readonly (readonly [port: number, value: number])[] = [
  [0x20, 0x11],
  [0xa0, 0x11],
  [0x21, 0x20],
  [0xa1, 0x28],
  [0x21, 0x04],
  [0xa1, 0x02],
  [0x21, 0x01],
  [0xa1, 0x01],
  [0xa1, 0xff],
  [0x21, 0xfe],
];

/** Channel 0 at 1 kHz, mode 2. */
export const PIT_SETUP: readonly (readonly [port: number, value: number])[] = [
  [0x43, 0x34],
  [0x40, 0xa9],
  [0x40, 0x04],
];

/** DS = SS = 0, SP = 7000h, vector 20h at the handler. */
export const PROLOGUE: readonly number[] = [
  ...[CLI, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70],
  ...[0xc7, 0x06, 0x80, 0x00, 0x00, 0xf8, 0xc7, 0x06, 0x82, 0x00, 0x00, 0xf0],
];

/** Counts in the byte at 0500h, prints a dot, ends the interrupt. */
const TICK_HANDLER: readonly number[] = [
  ...[0x50, 0x52, 0xfe, 0x06, 0x00, 0x05],
  ...outb(0x3f8, 0x2e),
  ...outb(0x20, 0x20),
  ...[0x5a, 0x58, 0xcf],
];

/** Prints `ticks` dots from its timer interrupt, then an exclamation mark, and halts for good. */
export function tickingGuest(ticks: number): Uint8Array {
  const code = [
    ...PROLOGUE,
    ...[...PIC_SETUP, ...PIT_SETUP].flatMap(([port, value]) => outb(port, value)),
    ...[STI, 0xf4, 0x80, 0x3e, 0x00, 0x05, ticks, 0x72, 0xf8],
    CLI,
    ...outb(0x3f8, 0x21),
    ...HALT_FOR_GOOD,
  ];
  return flatImage(code, TICK_HANDLER);
}

/** Writes to port 80h `count` times, adding 1 to the doubleword at 0500h after each, and halts for good. */
export function countingGuest(count: number): Uint8Array {
  const bytes = [0, 8, 16, 24].map((shift) => (count >>> shift) & 0xff);
  return flatImage([
    ...PROLOGUE,
    ...[0x66, 0xb9, ...bytes],
    ...[0xe6, 0x80, 0x66, 0xff, 0x06, 0x00, 0x05, 0x67, 0xe2, 0xf6],
    ...HALT_FOR_GOOD,
  ]);
}

/** As {@link countingGuest}, in 32-bit protected mode and on any port: a multiboot image loaded at 1 MiB. */
export function protectedModeGuest(count: number, port = 0x80): Uint8Array {
  const image = Buffer.alloc(64, 0xf4);
  const header = [0x1badb002, 0x10003, -(0x1badb002 + 0x10003), MIB, MIB, MIB + 64, 0, MIB + 32];
  header.forEach((word, i) => image.writeInt32LE(word | 0, i * 4));
  const countBytes = [0, 8, 16, 24].map((shift) => (count >>> shift) & 0xff);
  const loop = [0xe6, port, 0xff, 0x05, 0x00, 0x05, 0x00, 0x00, 0xe2, 0xf6];
  image.set([CLI, 0xb9, ...countBytes, ...loop, ...HALT_FOR_GOOD], 32);
  return image;
}
