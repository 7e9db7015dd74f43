import type { Instance, Library, Register } from "@portrait/classifier";
import type { RowTest } from "./row-test.ts";

/** What a name is compared with, and the names there are. */
interface NameField {
  readonly matches: (name: string, instance: Instance, register: Register) => boolean;
  readonly names: (library: Library) => readonly string[];
}

const device: NameField = {
  matches: (name, instance) => instance.name === name || instance.device.id === name,
  names: ({ devices, instances }) => [...instances.map(({ name }) => name), ...devices.map(({ id }) => id)],
};

const register: NameField = {
  matches: (name, _, { name: own }) => own === name,
  names: ({ devices }) => devices.flatMap(({ registers }) => registers.map(({ name }) => name)),
};

/** Fields that are compared with names of the description library: `dev` with an instance or a device type. */
export const nameFields: ReadonlyMap<string, NameField> = new Map([
  ["dev", device],
  ["device", device],
  ["reg", register],
  ["register", register],
]);

/** The test that a row reached, or may have reached, what has the name; where nothing has it, the names there are. */
export function nameTest(field: NameField, name: string, library: Library): RowTest | readonly string[] {
  const names = field.names(library);
  if (!names.includes(name)) return [...new Set(names)];
  const table = library.instances.map((instance) =>
    instance.device.registers.map((one) => field.matches(name, instance, one)),
  );
  return (_, columns, row) => {
    const several = columns.several.size === 0 ? undefined : columns.several.get(row);
    if (several !== undefined) {
      return several.some(({ instance, registers }) => registers.some((one) => field.matches(name, instance, one)));
    }
    const instance = columns.instance[row] ?? 0;
    return instance > 0 && table[instance - 1]?.[columns.register[row] ?? 0] === true;
  };
}
