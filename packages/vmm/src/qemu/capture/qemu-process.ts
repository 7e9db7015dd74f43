import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { processIds } from "../../host/processes.ts";
import { boundSockets, type BoundSocket } from "../../host/unix-sockets.ts";

/** A file a process has open. */
export interface OpenFile {
  readonly fd: number;
  /** What it is, as /proc shows it: a path, `pipe:[123]`, `socket:[123]`, `anon_inode:…`. */
  readonly link: string;
  /** Flags of open(2). */
  readonly flags: number;
}

/**
 * Process that has a Unix socket of this path open, found through /proc in any network namespace; undefined where it cannot
 * be seen (another user's, another system).
 */
export async function processAt(socketPath: string): Promise<number | undefined> {
  const wanted = await realpath(socketPath).catch(() => undefined);
  if (wanted === undefined) return undefined;
  const sockets = new Map<string, Promise<readonly BoundSocket[]>>();
  for (const pid of await processIds()) {
    const namespace = await readlink(`/proc/${pid}/ns/net`).catch(() => undefined);
    if (namespace === undefined) continue;
    if (!sockets.has(namespace)) sockets.set(namespace, socketsOfName(pid, basename(wanted)));
    if (await hasOneOf(pid, (await sockets.get(namespace)) ?? [], wanted)) return pid;
  }
  return undefined;
}

async function socketsOfName(pid: number, name: string): Promise<readonly BoundSocket[]> {
  return (await boundSockets(pid)).filter(({ path }) => basename(path) === name);
}

async function hasOneOf(pid: number, sockets: readonly BoundSocket[], wanted: string): Promise<boolean> {
  if (sockets.length === 0) return false;
  const links = new Set((await openFiles(pid))?.map(({ link }) => link));
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "/");
  for (const { link, path } of sockets) {
    if (links.has(link) && (await realpath(resolve(folder, path)).catch(() => undefined)) === wanted) return true;
  }
  return false;
}

/** Files a process has open; undefined where it may not be looked at. */
export async function openFiles(pid: number): Promise<readonly OpenFile[] | undefined> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  if (names === undefined) return undefined;
  const files = await Promise.all(names.map((name) => openFile(pid, name)));
  return files.filter((file) => file !== undefined);
}

async function openFile(pid: number, name: string): Promise<OpenFile | undefined> {
  try {
    const [link, info] = await Promise.all([
      readlink(`/proc/${pid}/fd/${name}`),
      readFile(`/proc/${pid}/fdinfo/${name}`, "utf8"),
    ]);
    return { fd: Number(name), link, flags: parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "0", 8) };
  } catch {
    // It has been closed meanwhile.
    return undefined;
  }
}
