import { InvalidArgumentError, Option } from "commander";
import { parseQemuTarget, type QemuTargetAddress } from "./qemu-address.ts";

/** The machine a guest is built on: one in this process, or a QEMU. */
export type TargetMachine = "v86" | QemuTargetAddress;

/** The option that names a {@link TargetMachine}. */
export function targetMachineOption(flags: string): Option {
  return new Option(flags, "v86, or qemu:QMP-SOCKET,qtest=SOCKET: a QEMU that waits (-S -incoming defer)")
    .argParser(parseTargetMachine)
    .default("v86");
}

function parseTargetMachine(text: string): TargetMachine {
  const machine = text === "v86" ? text : parseQemuTarget(text);
  if (machine === undefined) throw new InvalidArgumentError("Expected v86 or qemu:QMP-SOCKET,qtest=SOCKET.");
  return machine;
}
