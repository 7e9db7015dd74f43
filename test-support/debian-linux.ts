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
  if (!existsSync(cached("versions.json")))
    return { available: false, reason: "no Debian Linux guest; node scripts/debian-linux.mjs makes it" };
  const value = {
    kernel: cached("kernel"),
    initrd: cached("initrd"),
    bios: cached("bios.bin"),
    vgaBios: cached("vgabios.bin"),
    append: "console=ttyS0 tsc=reliable mitigations=off random.trust_cpu=on nowatchdog",
  };
  return { available: true, value };
}

function cached(name: string): string {
  return fileURLToPath(new URL(`../.cache/debian-linux/${name}`, import.meta.url));
}
