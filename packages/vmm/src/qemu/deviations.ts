import type { FieldAllowance } from "../machine.ts";

/** Fields of QEMU's dump that port writes cannot bring back and no description has, because only QEMU has them. */
export const qemuDeviations: readonly FieldAllowance[] = [];
