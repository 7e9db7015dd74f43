import { z } from "zod";
import type { DeviceField, DevicePair } from "../machine.ts";
import { V86Error } from "./errors.ts";

const fieldsSchema = z.array(
  z.object({ path: z.string(), value: z.union([z.number(), z.string(), z.boolean(), z.null()]) }),
);

/** Device fields as bytes. */
export function dumpOf(fields: readonly DeviceField[]): Uint8Array {
  return Buffer.from(JSON.stringify(fields));
}

/** The fields in {@link dumpOf}'s bytes. @throws V86Error V86_STATE where they are something else. */
export function fieldsIn(dump: Uint8Array): readonly DeviceField[] {
  try {
    return fieldsSchema.parse(JSON.parse(Buffer.from(dump).toString()));
  } catch (cause) {
    throw new V86Error("V86_STATE", "the source's device state cannot be read", { cause });
  }
}

/** Two dumps device by device, in the order of the first. */
export function pairsOf(source: readonly DeviceField[], destination: readonly DeviceField[]): readonly DevicePair[] {
  const devices = new Set([...source, ...destination].map(deviceOf));
  return Array.from(devices, (device) => {
    const own = (field: DeviceField) => deviceOf(field) === device;
    return { device, source: source.filter(own), destination: destination.filter(own), alike: 0 };
  });
}

function deviceOf({ path }: DeviceField): string {
  return path.replace(/\..*$/, "");
}
