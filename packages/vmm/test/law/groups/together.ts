import fc from "fast-check";
import { plainGroup, type DeviceGroup } from "../device-group.ts";

/** Several groups at once: their accesses among each other, and the order of their devices in one plan. */
export function together(name: string, groups: readonly DeviceGroup[]): DeviceGroup {
  return {
    ...plainGroup,
    name,
    fields: groups.flatMap(({ fields }) => fields),
    ports: groups.flatMap(({ ports }) => ports),
    prefix: groups.flatMap(({ prefix }) => prefix),
    pieces: fc.oneof(...groups.map(({ pieces }) => pieces)),
    avoided: groups.flatMap(({ avoided }) => avoided),
    completions: groups.flatMap(({ completions }) => completions),
    excuses: groups.flatMap(({ excuses }) => excuses),
    heldInFull: groups.flatMap(({ heldInFull }) => heldInFull),
    unknown: groups.flatMap(({ unknown }) => unknown),
    idle: groups.flatMap(({ idle }) => idle),
  };
}
