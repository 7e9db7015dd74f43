import { readdir, readFile, readlink } from "node:fs/promises";

/** Numbers of the processes there are. */
export async function processIds(): Promise<number[]> {
  const names = await readdir("/proc").catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Arguments a process was started with; empty where it is gone or has none. */
export async function commandLineOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.replace(/\0$/, "").split("\0");
}

/** What tells a process from a later one of the same number: when it began, in the kernel's ticks. Undefined where there is none. */
export async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name, in brackets, may hold anything.
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

/** Numbers of a process's threads. */
export async function threadsOf(pid: number): Promise<number[]> {
  return (await readdir(`/proc/${pid}/task`).catch(() => [])).map(Number);
}

/** What a process's open files are, as /proc shows them; undefined where it may not be looked at or is gone. */
export async function openLinks(pid: number): Promise<readonly string[] | undefined> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  if (names === undefined) return undefined;
  return Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => "")));
}
