import type { Device, Instance, Library } from "@portrait/classifier";
import { closest } from "../closest.ts";
import { UsageError } from "../errors.ts";

/** The device type of this id, or the one that the instance of this name is of. @throws UsageError */
export function findDevice({ devices, instances }: Library, id: string): Device {
  const device = devices.find((one) => one.id === id) ?? instances.find(({ name }) => name === id)?.device;
  if (device !== undefined) return device;
  const near = closest(id, [...devices.map((one) => one.id), ...instances.map(({ name }) => name)]);
  throw new UsageError(
    `there is no device "${id}"${near === undefined ? "; see: portrait devices list" : `; did you mean "${near}"?`}`,
  );
}

/** The instance of this name, or all of the device type of this id. @throws UsageError */
export function findInstances(library: Library, id: string): readonly Instance[] {
  const { instances } = findDevice(library, id);
  const named = instances.filter(({ name, device }) => name === id && device.id !== id);
  return named.length > 0 ? named : instances;
}
