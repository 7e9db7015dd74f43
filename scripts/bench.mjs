// Runs the benchmarks of the packages whose names are given, or of all: every packages/NAME/bench/*.bench.mjs, after a build.
// What follows "--" goes to each of them.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fail, root, run } from "./lib/run.mjs";

const split = process.argv.indexOf("--");
const end = split === -1 ? process.argv.length : split;
const wanted = process.argv.slice(2, end);
const passedOn = process.argv.slice(end + 1);

const all = readdirSync(join(root, "packages"));
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) fail(`bench: no package ${unknown}; there are ${all.join(", ")}`);

for (const name of wanted.length > 0 ? wanted : all) {
  const folder = join(root, "packages", name, "bench");
  if (!existsSync(folder)) continue;
  for (const file of readdirSync(folder).filter((f) => f.endsWith(".bench.mjs"))) {
    console.log(`\n── ${name}: ${file}`);
    if (!run(process.execPath, [join(folder, file), ...passedOn])) process.exitCode = 1;
  }
}
