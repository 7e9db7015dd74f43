import { MigrationError, type QemuTarget } from "@portrait/vmm";

/**
 * Lets a guest run on the QEMU it was built on, and leaves that QEMU.
 * @throws MigrationError PEER where QEMU does not start it.
 */
export async function letRun(machine: QemuTarget): Promise<void> {
  try {
    await machine.run();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MigrationError(
      "PEER",
      `the guest is at its destination, which did not start it (${reason}); look there, and say cont`,
      { cause },
    );
  } finally {
    machine.close();
  }
}
