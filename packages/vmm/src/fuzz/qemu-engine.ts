import type { FieldAllowance } from "../machine.ts";
import { qemuDeviations } from "../qemu/deviations.ts";
import { DeviceLayout } from "../qemu/stream/device-layout.ts";
import type { PortAccess } from "./accesses.ts";
import type { Engine } from "./engine.ts";
import { exclusionsAfter } from "./exclusions.ts";
import { QemuBench } from "./qemu-bench.ts";
import { qemuExcuses } from "./qemu-exclusions.ts";
import { qemuMachineFor, sectionsOf, type Board } from "./qemu-machines.ts";

/** QEMU with a machine that has the devices, on a board that is asked for; or with a command line, of which nothing more is known. */
export function qemuEngine(
  deviceIds: readonly string[],
  board: Board | undefined,
  command: readonly string[] | undefined,
): Engine {
  const known = qemuMachineFor(deviceIds, board);
  const machine = command === undefined ? known : { ...known, command, prefix: [], runs: [], settle: [], absent: [] };
  const layout = new DeviceLayout();
  return {
    name: "qemu",
    ...machine,
    deviations: qemuDeviations,
    exclusions: exclusionsAfter,
    excuses: excusesOf,
    sectionsOf,
    start: () => QemuBench.start(machine, layout),
  };
}

function excusesOf(accesses: readonly PortAccess[]): FieldAllowance[] {
  return qemuExcuses.flatMap(({ why, fields }) => fields(accesses).map((field) => ({ ...field, why })));
}
