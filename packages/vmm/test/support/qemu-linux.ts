import type { DebianCloudLinux } from "../../../../test-support/debian-linux.ts";

/** Options of the machine Linux boots on. */
export function linuxMachine({ kernel, initrd, append }: DebianCloudLinux): readonly string[] {
  return [
    ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-m", "128"],
    ...["-kernel", kernel, "-initrd", initrd, "-append", append],
  ];
}
