import { InvalidArgumentError } from "commander";

/** A QEMU, by its sockets. */
export interface QemuAddress {
  readonly kind: "qemu";
  /** Path of its QMP socket. */
  readonly qmp: string;
  /** Path of its qtest socket, where one was given. */
  readonly qtest: string | undefined;
}

/** `qemu:/run/a.qmp`, `qemu:/run/b.qmp,qtest=/run/b.qtest`; undefined where the text does not begin so. */
export function parseQemu(text: string): QemuAddress | undefined {
  if (!text.startsWith("qemu:")) return undefined;
  const [, qmp, qtest] = /^qemu:([^,]+)(?:,qtest=([^,]+))?$/.exec(text) ?? [];
  if (qmp === undefined) throw new InvalidArgumentError("Expected qemu:QMP-SOCKET or qemu:QMP-SOCKET,qtest=SOCKET.");
  return { kind: "qemu", qmp, qtest };
}

/** A QEMU that is to take a guest, which needs both sockets. */
export interface QemuTargetAddress extends QemuAddress {
  readonly qtest: string;
}

/** As {@link parseQemu}, of a QEMU that is to take a guest. */
export function parseQemuTarget(text: string): QemuTargetAddress | undefined {
  const address = parseQemu(text);
  if (address === undefined) return undefined;
  if (address.qtest === undefined) {
    throw new InvalidArgumentError(
      "A QEMU that takes a guest needs a qtest socket as well: qemu:QMP-SOCKET,qtest=SOCKET.",
    );
  }
  return { ...address, qtest: address.qtest };
}
