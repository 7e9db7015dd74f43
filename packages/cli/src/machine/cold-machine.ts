import { createV86Machine, type MachineFactory } from "@portrait/vmm";

/** Makes cold machines for guests to be restored into. */
export function coldMachine(options: { readonly deterministic?: true }): MachineFactory {
  return ({ memorySize, guest }) =>
    createV86Machine({ memorySize, deterministic: options.deterministic ?? false, name: guest });
}
