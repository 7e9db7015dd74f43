import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { builtinDescriptions, loadLibrary, type DescriptionSource, type Library } from "@portrait/classifier";
import type { TraceInfo } from "@portrait/tracer";
import { UsageError } from "../errors.ts";

/**
 * The descriptions that come with Portrait, then those the trace embeds, then those in `folders`; a later one replaces an
 * earlier one of the same id. Alias ports are decoded where the trace's machine does.
 * @throws DescriptionError
 */
export async function libraryFor(folders: readonly string[], info?: TraceInfo): Promise<Library> {
  const own = await userDescriptions(folders);
  const embedded = (info?.descriptions ?? []).flatMap(({ id, text }): DescriptionSource[] =>
    text === undefined ? [] : [{ file: `${id}.yaml embedded in the trace`, text }],
  );
  return loadLibrary([...builtinDescriptions(), ...embedded, ...own], {
    aliases: info?.machine.decodesAliases ?? false,
  });
}

/** Tells of mistakes in the user's own descriptions, before a guest runs rather than after. @throws DescriptionError */
export async function checkUserDescriptions(folders: readonly string[]): Promise<void> {
  if (folders.length > 0) await libraryFor(folders);
}

/** The user's own descriptions, folder by folder. */
export async function userDescriptions(folders: readonly string[]): Promise<DescriptionSource[]> {
  return (await Promise.all(folders.map(descriptionsIn))).flat();
}

async function descriptionsIn(folder: string): Promise<DescriptionSource[]> {
  const files = (await readdir(folder)).filter((file) => /\.ya?ml$/.test(file)).sort();
  if (files.length === 0) throw new UsageError(`--devices ${folder}: there is no .yaml file in it`);
  return Promise.all(files.map((file) => readDescription(join(folder, file))));
}

/** One description file. */
export async function readDescription(file: string): Promise<DescriptionSource> {
  return { file, text: await readFile(file, "utf8") };
}
