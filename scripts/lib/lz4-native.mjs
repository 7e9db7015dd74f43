import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { hasProgram, outputOf, root, run } from "./run.mjs";

const NODE_GYP = "node-gyp@11.4.2";
const refused = join(root, "node_modules/.portrait-lz4-javascript");

/**
 * Builds lz4's native half where this machine already has what that takes, and says in one line which half is used.
 * A build that failed is not tried again until node_modules is made anew or Node changes.
 */
export function buildNativeLz4() {
  const lz4 = lz4Folder();
  if (loads(lz4)) return;
  if (existsSync(refused) && readFileSync(refused, "utf8") === process.version) return;
  const missing = missingForBuild();
  if (missing !== undefined) return useJavaScript(missing);
  console.error("setup: building lz4's native half");
  const options = { cwd: lz4, stdio: ["ignore", "ignore", "ignore"] };
  const built = run("npx", ["--yes", NODE_GYP, "rebuild", `--nodedir=${nodeHeaders()}`, "--silent"], options);
  if (!built || !loads(lz4)) return useJavaScript("its build failed");
  console.error("setup: lz4 is native");
}

function useJavaScript(reason) {
  console.error(`setup: lz4 is JavaScript (${reason}); traces are the same, only slower to write`);
  writeFileSync(refused, process.version);
}

function lz4Folder() {
  const fromTracer = createRequire(join(root, "packages/tracer/package.json"));
  return dirname(fromTracer.resolve("lz4/package.json"));
}

// In a process of its own: a module that loaded once could not be replaced here, and one that crashes must not take us along.
function loads(lz4) {
  const code = `for (const half of ["lz4", "xxhash"]) require(${JSON.stringify(lz4)} + "/build/Release/" + half + ".node")`;
  return outputOf(process.execPath, ["-e", code], { stdio: "ignore" }) !== undefined;
}

function missingForBuild() {
  if (nodeHeaders() === undefined) return `no headers of Node ${process.versions.node} on this machine`;
  return [["c++", "g++", "clang++"], ["make"], ["python3", "python"]]
    .filter((names) => !names.some(hasProgram))
    .map((names) => `no ${names[0]}`)[0];
}

/** The folder whose include/node holds this Node's headers, looked for where installations put them. */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  const configured = process.env["npm_config_nodedir"];
  return [configured, prefix, "/usr", "/usr/local"].find((folder) => folder !== undefined && areOurHeaders(folder));
}

function areOurHeaders(folder) {
  const file = join(folder, "include/node/node_version.h");
  if (!existsSync(file)) return false;
  const text = readFileSync(file, "utf8");
  const parts = ["MAJOR", "MINOR", "PATCH"].map((p) => new RegExp(`define NODE_${p}_VERSION (\\d+)`).exec(text)?.[1]);
  return parts.join(".") === process.versions.node;
}
