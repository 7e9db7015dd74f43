import { readFile } from "node:fs/promises";

/** A Unix socket that is bound to a path. */
export interface BoundSocket {
  /** As /proc shows it where a process has it open. */
  readonly link: string;
  /** As it was bound; may be relative to the process's folder. */
  readonly path: string;
  /** True where it waits for connections; false where it is one. */
  readonly listens: boolean;
}

const LISTENS = 0x10000;

/** Sockets bound to paths in a process's network namespace; none where it cannot be seen. */
export async function boundSockets(pid: number): Promise<readonly BoundSocket[]> {
  const text = await readFile(`/proc/${pid}/net/unix`, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    const [flags, inode, path] = /^(?:\S+ +){3}(\S+) +(?:\S+ +){2}(\d+) (.+)$/.exec(line)?.slice(1) ?? [];
    if (flags === undefined || inode === undefined || path === undefined) return [];
    return [{ link: `socket:[${inode}]`, path, listens: (parseInt(flags, 16) & LISTENS) !== 0 }];
  });
}
