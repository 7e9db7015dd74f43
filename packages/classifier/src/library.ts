import { loadDescription } from "./description/load.ts";
import type { Device, Instance, Port } from "./description/model.ts";
import { DescriptionError } from "./description/problem.ts";

/** A port of an instance, at one of its addresses. */
export interface PortClaim {
  /** Position in {@link Library.instances}. */
  readonly instance: number;
  readonly port: Port;
}

/** The devices a classifier knows, and which of them stands at which port. */
export interface Library {
  readonly devices: readonly Device[];
  readonly instances: readonly Instance[];
  /** Claims on each port address; undefined where no description stands. */
  claims(address: number): readonly PortClaim[] | undefined;
}

/** A description file's text and the name it has in messages. */
export interface DescriptionSource {
  readonly file: string;
  readonly text: string;
}

/**
 * Loads descriptions into a library. A later file replaces an earlier one of the same `id`.
 * @param options.aliases - also decode alias ports, as Intel's bridges do; QEMU and v86 do not.
 * @throws DescriptionError at the first file with mistakes, or where two device types share an instance name.
 */
export function loadLibrary(sources: readonly DescriptionSource[], options: { readonly aliases: boolean }): Library {
  const byId = new Map<string, { device: Device; file: string }>();
  for (const { file, text } of sources) {
    const device = loadDescription(text, file);
    byId.set(device.id, { device, file });
  }
  const owners = new Map<string, string>();
  for (const { device, file } of byId.values()) {
    for (const { name } of device.instances) {
      const owner = owners.get(name);
      if (owner !== undefined) {
        const message = `an instance of this name stands in ${owner} already`;
        throw new DescriptionError(file, [{ path: ["instances", name], message }]);
      }
      owners.set(name, file);
    }
  }
  return libraryOf(
    [...byId.values()].map(({ device }) => device),
    options.aliases,
  );
}

function libraryOf(devices: readonly Device[], aliases: boolean): Library {
  const instances = devices.flatMap((device) => device.instances);
  const byAddress = new Map<number, PortClaim[]>();
  instances.forEach((instance, index) => {
    for (const base of aliases ? [instance.base, ...instance.aliases] : [instance.base]) {
      for (const port of instance.device.ports) {
        const address = (base + port.offset * instance.stride) & 0xffff;
        const claim = { instance: index, port };
        const others = byAddress.get(address);
        if (others === undefined) byAddress.set(address, [claim]);
        else others.push(claim);
      }
    }
  });
  const table: (readonly PortClaim[] | undefined)[] = new Array<undefined>(0x10000).fill(undefined);
  for (const [address, claims] of byAddress) table[address] = claims;
  return { devices, instances, claims: (address) => table[address] };
}
