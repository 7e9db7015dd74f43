// Fetches Debian's kernels, busybox and SeaBIOS and makes of them the Linux guests that tests boot, below .cache/.
// Installs nothing, needs no root, and leaves the system's own apt and dpkg alone.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cpioArchive } from "./lib/cpio.mjs";
import { changedModule } from "./lib/kernel-module.mjs";
import { hasProgram, outputOf, root, run } from "./lib/run.mjs";

// Debian 13 has no i386 kernel any more, so the release is fixed.
const RELEASE = "bookworm";
/** A mirror that is being brought up to date fails for some seconds. */
const TRIES = 3;
const PAUSE_MS = 10_000;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Kernel modules that lead to a file system on an ATA disk and to the network cards, each behind those it needs. */
const DISK =
  "crc32c_generic crct10dif_common crct10dif_generic crc-t10dif crc64 crc64-rocksoft t10-pi scsi_common scsi_mod sd_mod libata ata_piix";
const FILE_SYSTEM = "crc16 mbcache libcrc32c jbd2 ext4";
const NETWORK = "mii 8390 ne2k-pci pcnet32 8139too";

/** What is changed in a module, as bytes in hex: why is in fixtures/linux/README.md. */
const CHANGES = {
  "8139too": { from: "ec103981", to: "ffffffff" },
};
/** What modules are loaded with. */
const OPTIONS = { "8139too": "use_io=1" };

/**
 * The guests: folder below .cache/, architecture, kernel package, modules of it that are loaded in this order, and the packages
 * whose files go beside it. QEMU has a SeaBIOS of its own.
 */
const guests = [
  { folder: "debian-linux", architecture: "i386", kernel: "linux-image-686", modules: [], firmware: ["seabios"] },
  {
    folder: "debian-linux-amd64",
    architecture: "amd64",
    kernel: "linux-image-cloud-amd64",
    modules: [],
    firmware: [],
  },
  {
    folder: "debian-linux-devices",
    architecture: "amd64",
    kernel: "linux-image-amd64",
    modules: `${DISK} ${FILE_SYSTEM} ${NETWORK}`.split(" "),
    firmware: ["memtest86+"],
  },
];

/** Makes the guests that are not there; true on success. Says what is missing otherwise: tests that need it skip. */
export function makeDebianLinux() {
  return guests.map(makeGuest).every(Boolean);
}

function makeGuest(guest) {
  const out = join(root, ".cache", guest.folder);
  const versions = join(out, "versions.json");
  const recipe = recipeOf(guest);
  if (existsSync(versions) && JSON.parse(readFileSync(versions, "utf8")).recipe === recipe) return true;
  const made = obstacleHere() ?? tryToFetch(guest, out);
  if (typeof made === "string") {
    console.error(`setup: no Debian ${guest.architecture} Linux guest (${made}); tests that boot it will skip`);
    return false;
  }
  writeFileSync(versions, `${JSON.stringify({ recipe, packages: made }, undefined, 2)}\n`);
  return true;
}

function obstacleHere() {
  const missing = ["apt-get", "apt-cache", "dpkg-deb"].find((program) => !hasProgram(program));
  if (missing !== undefined) return `no ${missing} on this machine`;
  return existsSync(KEYRING) ? undefined : `no ${KEYRING}; install debian-archive-keyring`;
}

/** The Debian mirror to fetch from: the one named, else the one this system's apt uses. */
function mirror() {
  const named = process.env["PORTRAIT_DEBIAN_MIRROR"];
  if (named !== undefined) return named;
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder) : []).map((name) => join(folder, name)),
  ];
  const text = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8"));
  return /https?:\/\/\S+\/debian\/?(?=\s|$)/.exec(text.join("\n"))?.[0];
}

/** Gives the names of the packages used, or what is in the way. */
function tryToFetch(guest, out) {
  const from = mirror();
  if (from === undefined) return "this system's apt knows no Debian mirror; name one with PORTRAIT_DEBIAN_MIRROR";
  for (let tries = 1; ; tries++) {
    const made = fetchAndBuild(guest, from, out);
    if (typeof made !== "string" || tries === TRIES) return made;
    console.error(`setup: ${made}; once more in ${PAUSE_MS / 1000} s`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

function fetchAndBuild({ architecture, kernel, modules, firmware }, from, out) {
  console.error(`setup: fetching Debian ${RELEASE}'s ${[kernel, "busybox-static", ...firmware].join(", ")}`);
  rmSync(out, { recursive: true, force: true });
  const work = join(out, "work");
  const apt = ownApt(work, architecture, from);
  if (apt("apt-get", "-qq", "update") === undefined) return `apt-get update from ${from} failed`;
  const kernelPackage = /Depends: (linux-image-\S+)/.exec(apt("apt-cache", "depends", kernel) ?? "")?.[1];
  if (kernelPackage === undefined) return `${kernel} names no kernel package`;
  const packages = [kernelPackage, "busybox-static", ...firmware];
  if (apt("apt-get", "-qq", "download", ...packages) === undefined) return "apt-get download failed";
  const debs = readdirSync(work).filter((name) => name.endsWith(".deb"));
  const unpacked = debs.every((deb) => run("dpkg-deb", ["-x", join(work, deb), join(work, "files")]));
  if (!unpacked) return "dpkg-deb could not unpack a package";
  try {
    assemble(join(work, "files"), modules, out);
  } catch (error) {
    return error.message;
  }
  rmSync(work, { recursive: true });
  return debs.sort();
}

/** Runs apt programs for an architecture against a state folder of our own; gives their output, or undefined when they fail. */
function ownApt(work, architecture, from) {
  for (const folder of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, "status"), "");
  writeFileSync(join(work, "sources.list"), `deb [signed-by=${KEYRING}] ${from} ${RELEASE} main\n`);
  const config = {
    "APT::Architecture": architecture,
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
  writeFileSync(join(work, "apt.conf"), `${lines.join("")}APT::Architectures { "${architecture}"; };\n`);
  const env = { ...process.env, APT_CONFIG: join(work, "apt.conf") };
  return (program, ...args) => outputOf(program, args, { cwd: work, env, stdio: ["ignore", "pipe", "inherit"] });
}

/** Files that go beside a kernel where its packages have them, and what they are called there. */
const BESIDE = {
  "bios.bin": "usr/share/seabios/bios.bin",
  "vgabios.bin": "usr/share/seabios/vgabios-stdvga.bin",
  "memtest.bin": "boot/memtest86+x64.bin",
};

function assemble(files, modules, out) {
  const boot = join(files, "boot");
  const kernel = readdirSync(boot).find((name) => name.startsWith("vmlinuz-"));
  copyFileSync(join(boot, kernel), join(out, "kernel"));
  for (const [name, from] of Object.entries(BESIDE))
    if (existsSync(join(files, from))) copyFileSync(join(files, from), join(out, name));
  const busybox = readFileSync(join(files, "bin/busybox"));
  writeFileSync(join(out, "initrd"), initramfs(busybox, modulesIn(join(files, "lib/modules"), modules)));
}

/** The modules of those names below a folder, as init loads them: in the order of their files' names, with options from a file beside them. */
function modulesIn(folder, names) {
  const found = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
  return names.flatMap((name, i) => {
    const path = `modules/${String(i).padStart(2, "0")}-${name}`;
    const module = readFileSync(join(folder, found.find((one) => basename(one) === `${name}.ko`) ?? `${name}.ko`));
    const data = CHANGES[name] === undefined ? module : changedModule(name, module, CHANGES[name]);
    const options = OPTIONS[name];
    return [
      { path: `${path}.ko`, mode: FILE, data },
      ...(options === undefined ? [] : [{ path: `${path}.options`, mode: FILE, data: options }]),
    ];
  });
}

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;
const LINK = 0o120777;
const FILE = 0o100644;
const CHARACTER_DEVICE = 0o020600;
const BLOCK_DEVICE = 0o060600;
const applets = "sh mount umount stty setsid sleep cat echo kill ls dmesg sync poweroff insmod dd cmp rm ip nc".split(
  " ",
);
/** Our own programs of the guests, below fixtures/linux/. */
const programs = ["count", "disk-load", "echo-load"];

function initramfs(busybox, modules) {
  return cpioArchive([
    ...["bin", "dev", "proc", "sys", "mnt", "modules"].map((path) => ({ path, mode: DIRECTORY })),
    { path: "dev/console", mode: CHARACTER_DEVICE, device: [5, 1] },
    { path: "dev/ttyS0", mode: CHARACTER_DEVICE, device: [4, 64] },
    { path: "dev/null", mode: CHARACTER_DEVICE, device: [1, 3] },
    { path: "dev/urandom", mode: CHARACTER_DEVICE, device: [1, 9] },
    { path: "dev/sda", mode: BLOCK_DEVICE, device: [8, 0] },
    { path: "bin/busybox", mode: PROGRAM, data: busybox },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: LINK, data: "busybox" })),
    { path: "init", mode: PROGRAM, data: ours("init") },
    ...programs.map((name) => ({ path: `bin/${name}`, mode: PROGRAM, data: ours(name) })),
    ...modules,
  ]);
}

function ours(name) {
  return readFileSync(join(root, "fixtures/linux", name));
}

/** Changes with everything of ours that the guest is made from. */
function recipeOf(guest) {
  const hash = createHash("sha256").update(`${RELEASE} ${JSON.stringify(guest)}`);
  for (const file of ["scripts/debian-linux.mjs", "scripts/lib/cpio.mjs", "scripts/lib/kernel-module.mjs"])
    hash.update(readFileSync(join(root, file)));
  for (const name of ["init", ...programs]) hash.update(ours(name));
  return hash.digest("hex");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exit(makeDebianLinux() ? 0 : 1);
