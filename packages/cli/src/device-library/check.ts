import {
  builtinDescriptions,
  DescriptionError,
  loadDescription,
  loadLibrary,
  type DescriptionSource,
  type Instance,
  type Library,
} from "@portrait/classifier";
import { readDescription } from "../input/library.ts";
import { hex } from "../output/numbers.ts";
import { placeText } from "./device-text.ts";

/** Ports of an instance at which another device's stands, too: an access may be to either. */
interface SharedPorts {
  readonly instance: string;
  readonly with: string;
  readonly ports: readonly string[];
}

/** What is to be said of a description file. */
export interface CheckReport {
  readonly file: string;
  readonly problems: DescriptionError["problems"];
  readonly shared: readonly SharedPorts[];
  /** For people: every mistake, or where the instances stand. */
  readonly lines: readonly string[];
}

/** Checks a description file, by itself and beside the other devices. `others`: the user's own. Rejects where it cannot be read. */
export async function checkDescription(file: string, others: readonly DescriptionSource[]): Promise<CheckReport> {
  const source = await readDescription(file);
  try {
    const before = [...builtinDescriptions(), ...others];
    const { id } = loadDescription(source.text, file, before.toReversed());
    const library = loadLibrary([...before, source], { aliases: false });
    return goodReport(
      file,
      library.instances.filter(({ device }) => device.id === id),
      library,
    );
  } catch (error) {
    if (!(error instanceof DescriptionError) || error.file !== file) throw error;
    return { file, problems: error.problems, shared: [], lines: error.message.split("\n") };
  }
}

function goodReport(file: string, instances: readonly Instance[], library: Library): CheckReport {
  const shared = instances.flatMap((instance) => sharedPorts(instance, library));
  const places = instances.map((one) => `${one.name} ${placeText(one)}${portsText(one, library)}`);
  const notes = shared.map(
    (one) =>
      `${file}: ${one.instance} shares ${one.ports.join(", ")} with ${one.with}: an access there may be to either`,
  );
  return { file, problems: [], shared, lines: [`${file}: good; ${places.join("; ")}`, ...notes] };
}

/** `, ports 0x441 to 0x443`. */
function portsText(instance: Instance, library: Library): string {
  const ports = fixedPorts(instance, library);
  if (ports.length === 0) return "";
  const [first, last] = [Math.min(...ports), Math.max(...ports)];
  return first === last ? `, port ${hex(first)}` : `, ports ${hex(first)} to ${hex(last)}`;
}

function fixedPorts(instance: Instance, library: Library): number[] {
  if (instance.place.kind === "bound") return [];
  const { base } = instance.place;
  return library.claimsOf(library.instances.indexOf(instance), base).map(({ address }) => address);
}

function sharedPorts(instance: Instance, library: Library): SharedPorts[] {
  const found = new Map<string, string[]>();
  for (const port of new Set(fixedPorts(instance, library))) {
    for (const claim of library.claims(port) ?? []) {
      const other = library.instances[claim.instance];
      if (other === undefined || other.device === instance.device) continue;
      found.set(other.name, [...(found.get(other.name) ?? []), hex(port)]);
    }
  }
  return [...found].map(([name, ports]) => ({ instance: instance.name, with: name, ports: [...new Set(ports)] }));
}
