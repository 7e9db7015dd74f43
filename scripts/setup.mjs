// Makes a fresh clone ready: dependencies, lz4, and then the build, or with --test what the tests need of Debian's packages
// (scripts/check.mjs builds). Quick when there is nothing to do.
import { installDependencies, requireNode } from "./lib/install.mjs";
import { fail } from "./lib/run.mjs";

requireNode();
installDependencies();
const { buildNativeLz4 } = await import("./lib/lz4-native.mjs");
buildNativeLz4();
if (process.argv.includes("--test")) {
  const { installTestPrograms } = await import("./lib/test-programs.mjs");
  const { makeDebianLinux } = await import("./debian-linux.mjs");
  installTestPrograms();
  makeDebianLinux();
} else {
  const { build } = await import("./build.mjs");
  if (!(await build())) fail("setup: the build failed; the lines above say where.");
}
