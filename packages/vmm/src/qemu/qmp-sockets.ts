import { readlink } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { guestName } from "../host/guest-name.ts";
import { commandLineOf, openLinks, processIds } from "../host/processes.ts";
import { boundSockets } from "../host/unix-sockets.ts";

/** A socket at which a QEMU can be asked to show its accesses. */
export interface QmpSocket {
  readonly path: string;
  /** True where somebody is connected: it takes one at a time. */
  readonly busy: boolean;
}

/** A QEMU that runs on this host. */
export interface RunningQemu {
  readonly pid: number;
  readonly program: string;
  readonly name: string | undefined;
  readonly qmp: readonly QmpSocket[];
}

/** The QEMUs of this host whose processes may be looked at. */
export async function runningQemus(): Promise<RunningQemu[]> {
  const qemus = await Promise.all((await processIds()).map(qemuOf));
  return qemus.filter((qemu) => qemu !== undefined);
}

async function qemuOf(pid: number): Promise<RunningQemu | undefined> {
  const command = await commandLineOf(pid);
  const program = basename(command[0] ?? "");
  if (!/^(qemu-system-.+|qemu-kvm|kvm)$/.test(program)) return undefined;
  const links = await openLinks(pid);
  if (links === undefined) return undefined;
  return { pid, program, name: guestName(command), qmp: await socketsOf(pid, command, links) };
}

/** Where a QMP socket is, as the command line has it: a path, or a file that was open when QEMU began. */
export type QmpPlace = { readonly kind: "path"; readonly path: string } | { readonly kind: "fd"; readonly fd: string };

/** Where the command line of a QEMU puts its QMP on a Unix socket. */
export function qmpPlaces(command: readonly string[]): readonly QmpPlace[] {
  const characters = new Map<string, QmpPlace>();
  const monitors = new Set<string>();
  const places: QmpPlace[] = [];
  command.forEach((option, i) => {
    const value = command[i + 1] ?? "";
    const parts = partsOf(value);
    if (/^--?qmp(-pretty)?$/.test(option)) {
      const path = /^unix:(.*)$/s.exec(partsOf(value).get("") ?? "")?.[1];
      if (path !== undefined) places.push({ kind: "path", path });
    } else if (/^--?mon$/.test(option) && parts.get("mode") === "control") {
      monitors.add(parts.get("chardev") ?? parts.get("") ?? "");
    } else if (/^--?chardev$/.test(option) && parts.get("") === "socket") {
      const [path, fd] = [parts.get("path"), parts.get("fd")];
      if (path !== undefined) characters.set(parts.get("id") ?? "", { kind: "path", path });
      else if (fd !== undefined) characters.set(parts.get("id") ?? "", { kind: "fd", fd });
    }
  });
  const named = [...characters].filter(([id]) => monitors.has(id)).map(([, place]) => place);
  return [...places, ...named];
}

/** `socket,id=mon,path=/a,,b` as its parts, the first, which has no name, under "". A comma in a value stands twice. */
function partsOf(value: string): ReadonlyMap<string, string> {
  const parts = value.match(/(?:[^,]|,,)+/g) ?? [];
  return new Map(
    parts.map((part, i): [string, string] => {
      const text = part.replaceAll(",,", ",");
      const [, name, rest] = /^(\w+)=(.*)$/s.exec(text) ?? [];
      return name === undefined || rest === undefined ? [i === 0 ? "" : text, i === 0 ? text : ""] : [name, rest];
    }),
  );
}

/** The sockets of the command line at which the process listens now. */
async function socketsOf(pid: number, command: readonly string[], links: readonly string[]): Promise<QmpSocket[]> {
  const places = qmpPlaces(command);
  if (places.length === 0) return [];
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "/");
  const own = (await boundSockets(pid)).filter(({ link }) => links.includes(link));
  const sockets = await Promise.all(
    places.map(async (place) => {
      const given = place.kind === "fd" ? await readlink(`/proc/${pid}/fd/${place.fd}`).catch(() => "") : "";
      return own.find(
        ({ link, path, listens }) =>
          listens && (place.kind === "fd" ? link === given : resolve(folder, path) === resolve(folder, place.path)),
      );
    }),
  );
  return sockets
    .filter((socket) => socket !== undefined)
    .map(({ path }) => ({
      path: resolve(folder, path),
      busy: own.some((other) => !other.listens && other.path === path),
    }));
}
