// Builds what runs: parsers from their grammars, then every package's dist/.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { root, runTool } from "./lib/run.mjs";

/** Builds the whole workspace; true on success. */
export async function build() {
  const parsers = await buildParsers();
  const compiled = runTool("typescript/bin/tsc", ["-b"]);
  for (const file of parsers) copyToDist(file);
  return compiled;
}

/** Makes `generated/NAME.js` and `.d.ts` beside each `NAME.peggy` below a package's src; gives the files made. */
async function buildParsers() {
  const made = [];
  for (const grammar of grammars()) {
    const { default: peggy } = await import("peggy");
    const name = basename(grammar, ".peggy");
    const folder = join(dirname(grammar), "generated");
    const source = readFileSync(grammar, "utf8");
    const options = { format: "es", output: "source", grammarSource: relative(root, grammar) };
    mkdirSync(folder, { recursive: true });
    made.push(writeIfChanged(join(folder, `${name}.js`), peggy.generate(source, options)));
    made.push(writeIfChanged(join(folder, `${name}.d.ts`), declarations));
  }
  return made;
}

const declarations = `export class SyntaxError extends globalThis.SyntaxError {
  readonly location: { readonly start: { readonly offset: number; readonly line: number; readonly column: number } };
}
export function parse(input: string): unknown;
`;

function grammars() {
  return readdirSync(join(root, "packages")).flatMap((name) => {
    const src = join(root, "packages", name, "src");
    return readdirSync(src, { recursive: true })
      .filter((file) => file.endsWith(".peggy"))
      .map((file) => join(src, file));
  });
}

function writeIfChanged(file, text) {
  let old;
  try {
    old = readFileSync(file, "utf8");
  } catch {
    old = undefined;
  }
  if (old !== text) writeFileSync(file, text);
  return file;
}

/** Copies a generated file, which tsc does not emit, to where the compiled code imports it. */
function copyToDist(file) {
  const [, name, rest] = /packages[\\/]([^\\/]+)[\\/]src[\\/](.*)$/.exec(file);
  const target = join(root, "packages", name, "dist", rest);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exit((await build()) ? 0 : 1);
