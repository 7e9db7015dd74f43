import { readdirSync, readFileSync } from "node:fs";
import type { DescriptionSource } from "./description/source.ts";

/** The descriptions that come with Portrait. */
export function builtinDescriptions(): DescriptionSource[] {
  const directory = new URL("../devices/", import.meta.url);
  const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
  return files.sort().map((file) => ({ file, text: readFileSync(new URL(file, directory), "utf8") }));
}
