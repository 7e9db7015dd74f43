import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, root, run } from "./run.mjs";

const stamp = join(root, "node_modules/.portrait-installed");

/** Ends the process with a message unless this Node is the version package.json asks for. */
export function requireNode(minimum = [20, 19]) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return;
  fail(
    `Portrait needs Node ${minimum.join(".")} or later; this is Node ${process.versions.node}. ` +
      "Install a newer Node (https://nodejs.org) and run the command again.",
  );
}

/** Installs the locked dependencies with the pnpm that package.json names, unless that has been done for this lockfile. */
export function installDependencies() {
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  console.error(`setup: installing dependencies with ${packageManager}`);
  if (!run("npx", ["--yes", packageManager, "install", "--frozen-lockfile"]))
    fail("setup: installing dependencies failed; the lines above say why. It needs the npm registry.");
  writeFileSync(stamp, wanted);
}

function fingerprint() {
  const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}/package.json`);
  const hash = createHash("sha256").update(process.version);
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ...packages.sort()])
    if (existsSync(join(root, file))) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}
