import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Available } from "../../../../test-support/available.ts";

/** A folder on a file system of 64 KiB of its own, which goes with the test; only root can make one. */
export function smallDisk(): Available<string> {
  const path = mkdtempSync(join(tmpdir(), "portrait-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path]).status === 0;
  onTestFinished(() => {
    if (mounted) spawnSync("umount", [path]);
    rmdirSync(path);
  });
  return mounted ? { available: true, value: path } : { available: false, reason: "only root can mount a small disk" };
}
