import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testFolder } from "./qemu-process.ts";
import { flatImage } from "./tiny-guest.ts";

/** QEMU's options for a guest that writes 0, 1, 2, … count - 1 to a port, 32 bits each, then halts for good. */
export function counter(count: number, port = 0x500): string[] {
  const code = [
    ...[0x66, 0x31, 0xc9], // xor ecx, ecx
    ...[0x66, 0x89, 0xc8], // next: mov eax, ecx
    ...[0xba, port & 0xff, port >> 8], // mov dx, port
    ...[0x66, 0xef], // out dx, eax
    ...[0x66, 0x41], // inc ecx
    ...[0x66, 0x81, 0xf9, ...[0, 8, 16, 24].map((shift) => (count >>> shift) & 0xff)], // cmp ecx, count
    ...[0x72, 0xed], // jb next
    ...[0xfa, 0xf4], // cli; hlt
  ];
  const image = join(testFolder(), "counter.bin");
  // QEMU takes BIOS images of whole 64 KiB.
  writeFileSync(image, Buffer.concat([Buffer.alloc(0xf000), flatImage(code)]));
  return ["-bios", image];
}
