import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Available } from "./available.ts";

const TRACEFS = "/sys/kernel/tracing";

/** Where the kernel's tracing instances are, on a machine with KVM whose port accesses can be traced. Mounts tracefs where it is not. */
export function kvmTracing(): Available<string> {
  const missing = (reason: string) => ({ available: false, reason }) as const;
  if (!existsSync("/dev/kvm")) return missing("no /dev/kvm on this machine");
  if (process.getuid?.() !== 0) return missing("not root, so the kernel cannot be asked to trace");
  const instances = `${TRACEFS}/instances`;
  if (!existsSync(instances)) spawnSync("mount", ["-t", "tracefs", "nodev", TRACEFS]);
  if (!existsSync(instances)) return missing("no /dev/kvm that can be traced: this kernel has no tracefs");
  if (!existsSync(`${TRACEFS}/events/kvm/kvm_pio`)) return missing("no /dev/kvm that can be traced: no event kvm_pio");
  return { available: true, value: instances };
}
