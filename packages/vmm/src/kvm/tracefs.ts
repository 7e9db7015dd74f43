import { access, constants, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { messageOf } from "@portrait/tracer";
import { codeOf } from "../host/error-code.ts";
import { startOf } from "../host/processes.ts";
import { KvmError } from "./errors.ts";

/** Where tracefs is: since Linux 4.1, and as older tools mount it. */
const PLACES = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] as const;
const INSTANCE = /^portrait-(\d+)-(\d+)$/;

/** The folder of the event that shows port accesses, in tracefs or in one of its instances. */
export const PIO_EVENT = "events/kvm/kvm_pio";

/** Where tracefs is mounted. @throws KvmError where it, the event or KVM is not there, with what to do */
export async function findTracefs(): Promise<string> {
  if (process.platform !== "linux")
    throw new KvmError("KVM", "KVM is Linux's; on this system record with --engine qemu");
  for (const place of PLACES) {
    const names = await readdir(place).catch((error: unknown): string[] => {
      if (codeOf(error) === "EACCES" || codeOf(error) === "EPERM") throw needsRoot();
      return [];
    });
    if (!names.includes("instances")) continue;
    await access(`${place}/instances`, constants.W_OK).catch(() => {
      throw needsRoot();
    });
    await checkEvent(place);
    return place;
  }
  if (process.getuid?.() !== 0) throw needsRoot();
  throw new KvmError("TRACEFS", `tracefs is not mounted; to mount it: mount -t tracefs nodev ${PLACES[0]}`);
}

async function checkEvent(place: string): Promise<void> {
  if (await exists(`${place}/${PIO_EVENT}/format`)) return;
  if (!(await exists("/dev/kvm")))
    throw new KvmError(
      "KVM",
      "this host has no /dev/kvm; load it with modprobe kvm_intel or kvm_amd, where the CPU and its firmware allow it",
    );
  throw new KvmError(
    "EVENT",
    "this kernel has KVM but not its event kvm_pio; it needs CONFIG_EVENT_TRACING, and the module kvm loaded",
  );
}

function needsRoot(): KvmError {
  return new KvmError("ROOT", "the kernel's tracing is for root: run portrait as root (sudo)");
}

/** True when there is such a file. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Name of this process's instance, by which another can tell whether it is still at work. */
export async function instanceName(): Promise<string> {
  return `portrait-${process.pid}-${(await startOf(process.pid)) ?? "0"}`;
}

/** Writes to a file of tracefs. @throws KvmError `TRACEFS` with what was refused */
export async function put(path: string, text: string, flag: "w" | "a" = "w"): Promise<void> {
  try {
    await writeFile(path, text, { flag });
  } catch (cause) {
    throw new KvmError("TRACEFS", `the kernel refuses "${text}" for ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Reads a file of tracefs. @throws KvmError `TRACEFS` */
export async function get(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new KvmError("TRACEFS", `${path} cannot be read`, { cause });
  }
}

/**
 * Removes the instances of portraits that were killed, and gives their names. One that is in use is left alone, also where its process cannot be
 * seen from here: the kernel does not let go of it.
 */
export async function removeLeftOvers(tracefs: string): Promise<readonly string[]> {
  const removed = [];
  for (const name of await leftOvers(tracefs))
    if (await removeInstance(`${tracefs}/instances/${name}`)) removed.push(name);
  return removed;
}

/** Names of the instances of portraits that do not run any more. */
export async function leftOvers(tracefs: string): Promise<readonly string[]> {
  const left = [];
  for (const name of await readdir(`${tracefs}/instances`)) {
    const [, pid, start] = INSTANCE.exec(name) ?? [];
    if (pid !== undefined && (await startOf(Number(pid))) !== start) left.push(name);
  }
  return left;
}

/** Removes an instance; true once it is gone. */
export async function removeInstance(path: string): Promise<boolean> {
  return rmdir(path).then(
    () => true,
    () => false,
  );
}
