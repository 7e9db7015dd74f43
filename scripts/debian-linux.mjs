// Fetches Debian's i386 kernel, busybox and SeaBIOS and makes of them the Linux guest that tests boot, in
// .cache/debian-linux/. Installs nothing, needs no root, and leaves the system's own apt and dpkg alone.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cpioArchive } from "./lib/cpio.mjs";
import { hasProgram, outputOf, root, run } from "./lib/run.mjs";

// Debian 13 has no i386 kernel any more, so the release is fixed.
const RELEASE = "bookworm";
const MIRROR = process.env["PORTRAIT_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const out = join(root, ".cache/debian-linux");
const work = join(out, "work");

/** Makes the guest unless it is there; true on success. Says what is missing otherwise: tests that need it skip. */
export function makeDebianLinux() {
  const versions = join(out, "versions.json");
  if (existsSync(versions) && JSON.parse(readFileSync(versions, "utf8")).recipe === recipe()) return true;
  const obstacle = obstacleHere() ?? fetchAndBuild(versions);
  if (obstacle === undefined) return true;
  console.error(`setup: no Debian Linux guest (${obstacle}); tests that boot it will skip`);
  return false;
}

function obstacleHere() {
  const missing = ["apt-get", "apt-cache", "dpkg-deb"].find((program) => !hasProgram(program));
  if (missing !== undefined) return `no ${missing} on this machine`;
  return existsSync(KEYRING) ? undefined : `no ${KEYRING}; install debian-archive-keyring`;
}

function fetchAndBuild(versions) {
  console.error(`setup: fetching Debian ${RELEASE}'s i386 kernel, busybox and SeaBIOS`);
  rmSync(out, { recursive: true, force: true });
  const apt = ownApt();
  if (apt("apt-get", "-qq", "update") === undefined) return `apt-get update from ${MIRROR} failed`;
  const kernelPackage = /Depends: (linux-image-\S+)/.exec(apt("apt-cache", "depends", "linux-image-686") ?? "")?.[1];
  if (kernelPackage === undefined) return "linux-image-686 names no kernel package";
  const packages = [kernelPackage, "busybox-static", "seabios"];
  if (apt("apt-get", "-qq", "download", ...packages) === undefined) return "apt-get download failed";
  const debs = readdirSync(work).filter((name) => name.endsWith(".deb"));
  const unpacked = debs.every((deb) => run("dpkg-deb", ["-x", join(work, deb), join(work, "files")]));
  if (!unpacked) return "dpkg-deb could not unpack a package";
  assemble(join(work, "files"));
  rmSync(work, { recursive: true });
  writeFileSync(versions, `${JSON.stringify({ recipe: recipe(), packages: debs.sort() }, undefined, 2)}\n`);
  return undefined;
}

/** Runs apt programs for i386 against our own state folder; gives their output, or undefined when they fail. */
function ownApt() {
  for (const folder of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, "status"), "");
  writeFileSync(join(work, "sources.list"), `deb [signed-by=${KEYRING}] ${MIRROR} ${RELEASE} main\n`);
  const config = {
    "APT::Architecture": "i386",
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    "Dir::State": work,
    "Dir::State::lists": join(work, "lists"),
    "Dir::State::status": join(work, "status"),
    "Dir::Cache": join(work, "cache"),
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
  };
  const lines = Object.entries(config).map(([name, value]) => `${name} "${value}";\n`);
  writeFileSync(join(work, "apt.conf"), `${lines.join("")}APT::Architectures { "i386"; };\n`);
  const env = { ...process.env, APT_CONFIG: join(work, "apt.conf") };
  return (program, ...args) => outputOf(program, args, { cwd: work, env, stdio: ["ignore", "pipe", "inherit"] });
}

function assemble(files) {
  const boot = join(files, "boot");
  const kernel = readdirSync(boot).find((name) => name.startsWith("vmlinuz-"));
  const copies = {
    kernel: join(boot, kernel),
    "bios.bin": join(files, "usr/share/seabios/bios.bin"),
    "vgabios.bin": join(files, "usr/share/seabios/vgabios-stdvga.bin"),
  };
  for (const [name, from] of Object.entries(copies)) writeFileSync(join(out, name), readFileSync(from));
  writeFileSync(join(out, "initrd"), initramfs(readFileSync(join(files, "bin/busybox"))));
}

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;
const LINK = 0o120777;
const CHARACTER_DEVICE = 0o020600;
const applets = ["sh", "mount", "stty", "setsid", "sleep", "cat", "echo", "kill", "ls", "dmesg", "sync", "poweroff"];

function initramfs(busybox) {
  return cpioArchive([
    ...["bin", "dev", "proc", "sys"].map((path) => ({ path, mode: DIRECTORY })),
    { path: "dev/console", mode: CHARACTER_DEVICE, device: [5, 1] },
    { path: "dev/ttyS0", mode: CHARACTER_DEVICE, device: [4, 64] },
    { path: "dev/null", mode: CHARACTER_DEVICE, device: [1, 3] },
    { path: "bin/busybox", mode: PROGRAM, data: busybox },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: LINK, data: "busybox" })),
    { path: "init", mode: PROGRAM, data: readFileSync(join(root, "fixtures/linux/init")) },
    { path: "bin/count", mode: PROGRAM, data: readFileSync(join(root, "fixtures/linux/count")) },
  ]);
}

/** Changes with everything of ours that the guest is made from. */
function recipe() {
  const hash = createHash("sha256").update(`${RELEASE} ${MIRROR}`);
  const ours = ["scripts/debian-linux.mjs", "scripts/lib/cpio.mjs", "fixtures/linux/init", "fixtures/linux/count"];
  for (const file of ours) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exit(makeDebianLinux() ? 0 : 1);
