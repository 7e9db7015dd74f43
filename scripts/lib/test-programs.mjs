import { existsSync, readFileSync } from "node:fs";
import { hasProgram, outputOf, run } from "./run.mjs";

/** Not programs of their own: modules of Debian's Python. */
const pythonModules = ["google.protobuf", "jsonschema"];

/** Programs that tests call, with the Debian package each comes from. A test that lacks its program skips and says so. */
const programs = {
  nasm: "nasm",
  lz4: "lz4",
  jq: "jq",
  "qemu-system-i386": "qemu-system-x86",
  protoc: "protobuf-compiler",
  mke2fs: "e2fsprogs",
  bridge: "iproute2",
  "google.protobuf": "python3-protobuf",
  jsonschema: "python3-jsonschema",
};

const TRIES = 3;

/** Installs what is missing where that is possible (root, on Debian or Ubuntu); else says what tests will skip. */
export function installTestPrograms() {
  const missing = Object.keys(programs).filter((name) => !isThere(name));
  if (missing.length === 0) return;
  const packages = missing.map((name) => programs[name]);
  if (!canInstall()) {
    console.error(`setup: not root on Debian or Ubuntu, so tests that need ${missing.join(", ")} will skip.`);
    console.error(`setup: to run them: apt-get install ${packages.join(" ")}`);
    return;
  }
  console.error(`setup: installing ${packages.join(", ")}`);
  for (let tries = 1; !install(packages); tries++) {
    if (tries > TRIES) {
      console.error(`setup: apt-get could not install ${packages.join(", ")}; tests that need them will skip`);
      return;
    }
    // What matters is whether the packages can be had then; an update also fails for lists nobody needs.
    apt("update");
  }
}

function isThere(name) {
  if (!pythonModules.includes(name)) return hasProgram(name);
  return outputOf("/usr/bin/python3", ["-c", `import ${name}`]) !== undefined;
}

function install(packages) {
  return apt("install", "--yes", "--no-install-recommends", ...packages);
}

function apt(...args) {
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
  };
  return run("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", ...args], options);
}

function canInstall() {
  if (process.getuid?.() !== 0 || !hasProgram("apt-get") || !existsSync("/etc/os-release")) return false;
  return /^(ID|ID_LIKE)=.*\b(debian|ubuntu)\b/m.test(readFileSync("/etc/os-release", "utf8"));
}
