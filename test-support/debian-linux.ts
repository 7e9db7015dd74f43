import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Available } from "./available.ts";

/** Files of the Debian i386 guest that fixtures/linux describes. */
export interface DebianLinux {
  readonly kernel: string;
  readonly initrd: string;
  readonly bios: string;
  readonly vgaBios: string;
  /** Kernel command line that puts the console on COM1 and lets v86 boot fast. */
  readonly append: string;
}

/** The Debian i386 guest, as `npm test` or `node scripts/debian-linux.mjs` has made it. */
export function debianLinux(): Available<DebianLinux> {
  return cached("debian-linux", (file) => ({
    kernel: file("kernel"),
    initrd: file("initrd"),
    bios: file("bios.bin"),
    vgaBios: file("vgabios.bin"),
    append: "console=ttyS0 tsc=reliable mitigations=off random.trust_cpu=on nowatchdog",
  }));
}

/** Files of a Debian amd64 guest, for QEMU, which has firmware of its own. */
export interface DebianCloudLinux {
  readonly kernel: string;
  readonly initrd: string;
  /** Kernel command line that puts the console on COM1 and has the PIC and the PIT serve as interrupt controller and clock. */
  readonly append: string;
}

/** The Debian amd64 guest, as `npm test` or `node scripts/debian-linux.mjs` has made it. */
export function debianCloudLinux(): Available<DebianCloudLinux> {
  return cached("debian-linux-amd64", (file) => ({
    kernel: file("kernel"),
    initrd: file("initrd"),
    append: "console=ttyS0 noapic nolapic acpi=off pci=off nosmp panic=-1",
  }));
}

/** The Debian amd64 guest with drivers of an ATA disk, ext4 and network cards, as `npm test` or `node scripts/debian-linux.mjs` has made it. */
export function debianDevicesLinux(): Available<DebianCloudLinux> {
  return cached("debian-linux-devices", (file) => ({
    kernel: file("kernel"),
    initrd: file("initrd"),
    append: "console=ttyS0 noapic nolapic acpi=off nosmp panic=-1 tsc=unstable clocksource=pit mitigations=off",
  }));
}

/** Debian's memtest86+, which QEMU boots as a kernel, as `npm test` or `node scripts/debian-linux.mjs` has unpacked it. */
export function debianMemtest(): Available<string> {
  return cached("debian-linux-devices", (file) => file("memtest.bin"));
}

function cached<T>(folder: string, guest: (file: (name: string) => string) => T): Available<T> {
  const file = (name: string) => fileURLToPath(new URL(`../.cache/${folder}/${name}`, import.meta.url));
  return existsSync(file("versions.json"))
    ? { available: true, value: guest(file) }
    : { available: false, reason: `no .cache/${folder}; node scripts/debian-linux.mjs makes it` };
}
