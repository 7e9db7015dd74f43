import type { PortOperation, PortTarget } from "@portrait/replayer";

const CONFADD = 0xcf8;
const CONFDATA = 0xcfc;

/** A write, and where it goes in PCI configuration: bus, device, function and register as CONFADD has them, without its enable bit. */
export interface Write {
  readonly port: number;
  readonly pci: number | undefined;
}

/** Ports on which some writes are not made, as if a plan left them out. */
export function without(ports: PortTarget, leftOut: (write: Write) => boolean): PortTarget {
  let address = 0;
  const isLeftOut = (operation: PortOperation): boolean => {
    if (operation.direction === "in") return false;
    const { port } = operation;
    if (port === CONFADD) address = operation.value;
    const pci = port >= CONFDATA && port < CONFDATA + 4 ? (address & 0xfffffc) + port - CONFDATA : undefined;
    return leftOut({ port, pci });
  };
  return {
    name: ports.name,
    perform: async (operations) => {
      const made = operations.map((operation) => !isLeftOut(operation));
      const values = await ports.perform(operations.filter((_, i) => made[i]));
      let next = 0;
      return made.map((one) => (one ? (values[next++] ?? 0) : 0));
    },
  };
}
