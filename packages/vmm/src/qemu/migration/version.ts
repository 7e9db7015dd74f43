import type { QemuVersion } from "../qmp.ts";

/** Name of the engine. */
export const QEMU = "qemu";

/** Version of QEMU as far as it decides what a device's state looks like. */
export function versionText({ major, minor }: QemuVersion): string {
  return `${major}.${minor}`;
}
