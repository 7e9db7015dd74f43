import { loadDescription } from "./description/load.ts";
import { hex } from "./description/hex.ts";
import { laneOf, placeOf, type Device, type Instance, type Port, type Window } from "./description/model.ts";
import { DescriptionError, type DescriptionProblem } from "./description/problem.ts";
import type { DescriptionSource } from "./description/source.ts";

/** A port of an instance, at one of its addresses. */
export interface PortClaim {
  /** Position in {@link Library.instances}. */
  readonly instance: number;
  readonly port: Port;
  /** True for an instance whose ports are where the guest puts them. */
  readonly moves: boolean;
  /** The window whose bytes the port is, where it is one. */
  readonly window: Window | undefined;
}

/** A claim and the address it is on. */
export interface PlacedClaim {
  readonly address: number;
  readonly claim: PortClaim;
}

/** The devices a classifier knows, and which of them stands at which port. */
export interface Library {
  readonly devices: readonly Device[];
  readonly instances: readonly Instance[];
  /** Claims on each port address by instances at fixed places; undefined where none stands. */
  claims(address: number): readonly PortClaim[] | undefined;
  /** A table of what {@link claims} gives, to be changed by whoever asks for it. */
  table(): (readonly PortClaim[] | undefined)[];
  /** What an instance claims when its base is here. */
  claimsOf(instance: number, base: number): readonly PlacedClaim[];
}

/**
 * Loads descriptions into a library. A later file replaces an earlier one of the same `id`, and may extend it.
 * @param options.aliases - also decode alias ports, as Intel's bridges do; QEMU and v86 do not.
 * @throws DescriptionError at the first file with mistakes, where two device types share an instance name or a window's, or
 * where an instance is bound to a window there is none of.
 */
export function loadLibrary(sources: readonly DescriptionSource[], options: { readonly aliases: boolean }): Library {
  const byId = new Map<string, { device: Device; file: string }>();
  sources.forEach(({ file, text }, i) => {
    // What is extended is the nearest before it, so that one that replaces another can extend it.
    const others = [...sources.slice(0, i).reverse(), ...sources.slice(i + 1)];
    const device = loadDescription(text, file, others);
    byId.set(device.id, { device, file });
  });
  const owners = new Map<string, string>();
  const windows = new Map<string, Window>();
  for (const { device, file } of byId.values()) {
    for (const { name } of device.instances) {
      const owner = owners.get(name);
      if (owner !== undefined) {
        const message = `an instance of this name stands in ${owner} already`;
        throw new DescriptionError(file, [{ path: ["instances", name], message }]);
      }
      owners.set(name, file);
    }
    for (const window of device.windows) {
      if (windows.has(window.name)) {
        const message = "a window of this name stands in another description already";
        throw new DescriptionError(file, [{ path: ["windows", window.name], message }]);
      }
      windows.set(window.name, window);
    }
  }
  const all = [...byId.values()].flatMap(({ device }) => device.instances);
  const fixed = new Set(all.flatMap(({ name, place }) => (place.kind === "fixed" ? [name] : [])));
  for (const { device, file } of byId.values()) {
    const problems = device.instances.flatMap((instance) => bindingProblems(instance, windows, fixed));
    if (problems.length > 0) throw new DescriptionError(file, problems);
  }
  return libraryOf(
    [...byId.values()].map(({ device }) => device),
    options.aliases,
  );
}

function bindingProblems(
  { name, place }: Instance,
  windows: ReadonlyMap<string, Window>,
  fixed: ReadonlySet<string>,
): DescriptionProblem[] {
  if (place.kind === "fixed") return [];
  const { to, insteadOf } = place.binding;
  const path = ["instances", name, "bound"];
  const window = windows.get(to);
  if (window === undefined) {
    const known = [...windows.keys()].join(", ");
    return [{ path: [...path, "to"], message: `no window "${to}"; there is ${known === "" ? "none" : known}` }];
  }
  if (insteadOf !== undefined && !fixed.has(insteadOf)) {
    return [{ path: [...path, "insteadOf"], message: `no instance "${insteadOf}" with a base of its own` }];
  }
  const beyond = [...place.binding.shows, ...placeOf(place.binding)].filter(({ at }) => at >= window.pageBytes);
  return beyond.map(({ at }) => ({
    path,
    message: `${hex(at)} lies beyond ${to}'s pages of ${window.pageBytes} bytes`,
  }));
}

function libraryOf(devices: readonly Device[], aliases: boolean): Library {
  const instances = devices.flatMap((device) => device.instances);
  const table: PortClaim[][] = [];
  const claimsOf = (index: number, base: number) => {
    const instance = instances[index];
    return instance === undefined ? [] : claimsOfInstance(instance, index, base);
  };
  instances.forEach(({ place }, index) => {
    if (place.kind === "bound") return;
    for (const base of aliases ? [place.base, ...place.aliases] : [place.base]) {
      for (const { address, claim } of claimsOf(index, base)) (table[address] ??= []).push(claim);
    }
  });
  const claims = Array.from({ length: 0x10000 }, (_, address) => table[address]);
  return { devices, instances, claims: (address) => claims[address], table: () => claims.slice(), claimsOf };
}

function claimsOfInstance({ device, place, stride }: Instance, index: number, base: number): PlacedClaim[] {
  const moves = place.kind === "bound";
  const placed = device.ports.map((port): PlacedClaim => {
    const window = device.windows.find((one) => laneOf(one, port) !== undefined);
    return { address: base + port.offset * stride, claim: { instance: index, port, moves, window } };
  });
  return placed.filter(({ address }) => address <= 0xffff);
}
