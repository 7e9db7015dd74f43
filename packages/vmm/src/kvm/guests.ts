import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { guestName } from "../host/guest-name.ts";
import { commandLineOf, openLinks, processIds, startOf } from "../host/processes.ts";
import { KvmError } from "./errors.ts";

/** A guest that runs on this host's KVM. */
export interface KvmGuest {
  /** Its virtual machine monitor's process. */
  readonly pid: number;
  /** When that process began; tells it from a later one of the same number. */
  readonly start: string;
  readonly program: string;
  /** As its monitor's command line has it, where it does. */
  readonly name: string | undefined;
  readonly vcpus: number;
}

const GUEST = "anon_inode:kvm-vm";
const VCPU = "anon_inode:kvm-vcpu:";
/** How monitors call the threads of their CPUs: `CPU 0/KVM`, `fc_vcpu 0`, `crosvm_vcpu0`, `vcpu0`. */
const THREAD_NAME = /^(?:CPU (\d+)\/KVM|(?:fc_|crosvm_)?vcpu[ _]?(\d+))$/;

/** Guests of this host's KVM whose processes may be looked at. */
export async function kvmGuests(): Promise<KvmGuest[]> {
  const guests = await Promise.all((await processIds()).map(guestOf));
  return guests.filter((guest) => guest !== undefined);
}

/** The guest of a process. @throws KvmError `GUEST`, `ROOT` */
export async function kvmGuest(pid: number): Promise<KvmGuest> {
  const guest = await guestOf(pid);
  if (guest !== undefined) return guest;
  if ((await startOf(pid)) === undefined) throw new KvmError("GUEST", `there is no process ${pid}`);
  if ((await openLinks(pid)) === undefined)
    throw new KvmError("ROOT", `process ${pid} may not be looked at: run portrait as root (sudo)`);
  const what = basename((await commandLineOf(pid))[0] ?? "");
  throw new KvmError("GUEST", `process ${pid} (${what}) runs no KVM guest; "portrait machines" lists those that do`);
}

/** The guest of a process; undefined where it has none or may not be looked at. */
export async function guestOf(pid: number): Promise<KvmGuest | undefined> {
  const links = await openLinks(pid);
  const start = await startOf(pid);
  if (links?.includes(GUEST) !== true || start === undefined) return undefined;
  const command = await commandLineOf(pid);
  return {
    pid,
    start,
    program: basename(command[0] ?? ""),
    name: guestName(command),
    vcpus: new Set(links.filter((link) => link.startsWith(VCPU))).size,
  };
}

/** A CPU's thread: the process it belongs to, and the CPU's number where KVM or the thread's name tells it. */
export interface VcpuThread {
  readonly pid: number;
  readonly name: string;
  readonly vcpu: number | undefined;
}

/** What a thread is; undefined where it has ended. */
export async function vcpuThread(thread: number): Promise<VcpuThread | undefined> {
  const status = await readFile(`/proc/${thread}/status`, "utf8").catch(() => "");
  const pid = Number(/^Tgid:\s*(\d+)/m.exec(status)?.[1] ?? NaN);
  if (Number.isNaN(pid)) return undefined;
  const name = /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "";
  const [, qemu, other] = THREAD_NAME.exec(name) ?? [];
  const named = qemu ?? other;
  return { pid, name, vcpu: (await numberInDebugfs(pid, thread)) ?? (named === undefined ? undefined : Number(named)) };
}

const DEBUGFS = "/sys/kernel/debug/kvm";

/** The CPU that KVM says a thread runs, where debugfs is mounted and this kernel says so. */
async function numberInDebugfs(pid: number, thread: number): Promise<number | undefined> {
  const machines = (await readdir(DEBUGFS).catch(() => [])).filter((name) => name.startsWith(`${pid}-`));
  for (const machine of machines) {
    for (const name of await readdir(`${DEBUGFS}/${machine}`).catch(() => [])) {
      const number = /^vcpu(\d+)$/.exec(name)?.[1];
      if (number === undefined) continue;
      const text = await readFile(`${DEBUGFS}/${machine}/${name}/pid`, "utf8").catch(() => "");
      if (Number(text.trim()) === thread) return Number(number);
    }
  }
  return undefined;
}
