// Assembles the guests of fixtures/guests whose names are given, or all of them, in place. Needs nasm.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fail, hasProgram, root, run } from "./lib/run.mjs";

if (!hasProgram("nasm")) fail("build-guests: needs nasm (apt-get install nasm)");
const folder = join(root, "fixtures/guests");
const sources = readdirSync(folder).filter((file) => file.endsWith(".asm"));
const all = sources.map((file) => file.slice(0, -".asm".length));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) fail(`build-guests: no guest ${unknown}; there are ${all.join(", ")}`);
for (const name of wanted)
  if (!run("nasm", ["-f", "bin", "-o", `${name}.bin`, `${name}.asm`], { cwd: folder })) process.exitCode = 1;
