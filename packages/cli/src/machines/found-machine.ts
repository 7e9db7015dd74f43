import type { KvmGuest, RunningQemu } from "@portrait/vmm";

/** A way in which a guest can be recorded. */
export interface RecordingWay {
  readonly engine: "kvm" | "qemu";
  readonly command: string;
  readonly qmp?: string;
  /** True where somebody is connected to the socket, which takes one at a time. */
  readonly busy?: boolean;
}

/** A guest that runs on this host. */
export interface FoundMachine {
  readonly pid: number;
  readonly program: string;
  readonly name?: string;
  /** Known of guests of KVM. */
  readonly vcpus?: number;
  readonly record: readonly RecordingWay[];
}

/** Guests of KVM and QEMUs as one list, by process. `traced`: the kernel can be asked to show KVM's guests. */
export function listMachines(
  guests: readonly KvmGuest[],
  qemus: readonly RunningQemu[],
  traced: boolean,
): readonly FoundMachine[] {
  const pids = [...new Set([...guests, ...qemus].map(({ pid }) => pid))].sort((a, b) => a - b);
  return pids.flatMap((pid) => {
    const guest = guests.find((one) => one.pid === pid);
    const qemu = qemus.find((one) => one.pid === pid);
    const known = guest ?? qemu;
    if (known === undefined) return [];
    const { program, name } = known;
    const kvm = guest !== undefined && traced ? [kvmWay(pid)] : [];
    return [
      {
        pid,
        program,
        ...(name !== undefined && { name }),
        ...(guest !== undefined && { vcpus: guest.vcpus }),
        record: [...kvm, ...(qemu?.qmp ?? []).map(qemuWay)],
      },
    ];
  });
}

function kvmWay(pid: number): RecordingWay {
  return { engine: "kvm", command: `portrait record --engine kvm --pid ${pid} -o ${pid}.pio` };
}

function qemuWay({ path, busy }: RunningQemu["qmp"][number]): RecordingWay {
  const command = `portrait record --engine qemu --qmp ${quoted(path)} -o vm.pio`;
  return { engine: "qemu", command, qmp: path, busy };
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w/.:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
