import { constants } from "node:fs";
import { open, readlink, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";
import { isLogPipe, isRead } from "./log-pipe.ts";
import { openFiles, processAt, type OpenFile } from "./qemu-process.ts";

/** How long a log file that QEMU gives up may stay open. */
const CLOSE_LIMIT_MS = 2000;
const ACCESS_MODE = 3;
const STDERR = "/dev/stderr";
/** Where a log goes that nobody wants. */
export const NOWHERE = "/dev/null";

/** Where QEMU logged before. QEMU cannot be asked; it is seen from the files its process has open. */
export type FoundTarget =
  | { readonly kind: "stderr" }
  | { readonly kind: "file"; readonly path: string }
  /** The process cannot be looked at. */
  | { readonly kind: "unseen" }
  /** The pipe of a capture that was killed. */
  | { readonly kind: "left over"; readonly path: string };

/** Where QEMU's log goes back to, and what the user should know about it. */
export interface WayBack {
  readonly path: string;
  /** What stands in the way and is first given this name. */
  readonly setAside: string | undefined;
  readonly remark: string | undefined;
}

/** What decides the way back, as far as it could be seen. */
export interface WayBackFacts {
  /** QEMU goes on at the end of a file that is there; otherwise opening it empties it. QEMU 7.2 appends; later ones may not. */
  readonly appends: boolean;
  /** A file that would be emptied: `found`'s, or what stderr is. */
  readonly holdsText: boolean;
  /** QEMU's stderr can be opened by its name; it cannot where it is a socket, or a pipe nobody reads. */
  readonly stderrOpens: boolean;
}

/** Decides where the log goes back to, so that nothing is lost and QEMU is not made to wait. */
export function wayBack(found: FoundTarget, { appends, holdsText, stderrOpens }: WayBackFacts): WayBack {
  const to = (path: string, remark?: string, setAside?: string): WayBack => ({ path, setAside, remark });
  if (found.kind === "file") {
    if (appends || !holdsText) return to(found.path);
    const aside = `${found.path}.before-portrait`;
    return to(found.path, `QEMU began its log ${found.path} anew; what stood in it is now ${aside}`, aside);
  }
  const nowhere = (why: string): WayBack => to(NOWHERE, `QEMU's log goes nowhere from now on: ${why}`);
  if (found.kind === "unseen")
    return nowhere("QEMU's process cannot be looked at, so where it went before is not known");
  if (!stderrOpens) return nowhere("QEMU's stderr cannot be opened again");
  if (!appends && holdsText) return nowhere("this QEMU would empty the file its stderr goes to");
  if (found.kind === "stderr") return to(STDERR);
  return to(STDERR, "QEMU's log goes to its stderr from now on: the capture that knew where it went before was killed");
}

/** QEMU's log while it goes to a pipe, and the way back. */
export class LogTarget {
  readonly found: FoundTarget;
  readonly #client: QmpClient;
  readonly #pid: number | undefined;
  readonly #appends: boolean;

  private constructor(
    client: QmpClient,
    pid: number | undefined,
    { found, appends }: { readonly found: FoundTarget; readonly appends: boolean },
  ) {
    this.#client = client;
    this.#pid = pid;
    this.found = found;
    this.#appends = appends;
  }

  /**
   * Makes QEMU log to `pipe`.
   * @throws QemuError `BUSY` where another capture is at work; `COMMAND` where QEMU cannot open the pipe. The log is as it was then.
   */
  static async redirect(client: QmpClient, pipe: string): Promise<LogTarget> {
    const pid = await processAt(client.path);
    const before = pid === undefined ? undefined : await openFiles(pid);
    const old = before?.find(({ link }) => isLogPipe(link));
    if (old !== undefined && (await isRead(old.link)))
      throw new QemuError("BUSY", `${client.path}: another portrait is recording this QEMU`);
    await setLogFile(client, NOWHERE);
    const between = pid === undefined ? undefined : await openFiles(pid);
    const problem = await setLogFile(client, pipe);
    const passing = between?.find((file) => file.link === NOWHERE && !holds(before, file));
    const after = pid === undefined ? undefined : await filesWithout(pid, passing);
    const target = new LogTarget(client, pid, {
      found: old === undefined ? foundTarget(before, after) : { kind: "left over", path: old.link },
      appends: passing !== undefined && (passing.flags & constants.O_APPEND) !== 0,
    });
    if (problem === undefined) return target;
    await target.restore();
    const who = "run portrait as the user QEMU runs as, with a TMPDIR that QEMU can reach";
    throw new QemuError("COMMAND", `${client.path}: QEMU cannot log to portrait's pipe: ${problem}; ${who}`);
  }

  /** Gives QEMU its log back; the pipe ends then. Gives what the user should know. @throws QemuError */
  async restore(): Promise<string | undefined> {
    const way = wayBack(this.found, await this.#facts());
    if (this.found.kind === "left over") await rm(dirname(this.found.path), { recursive: true, force: true });
    if (way.setAside !== undefined) await rename(way.path, way.setAside);
    const problem = await setLogFile(this.#client, way.path);
    if (problem === undefined) return way.remark;
    await setLogFile(this.#client, NOWHERE);
    return `QEMU's log goes nowhere from now on: ${problem}`;
  }

  async #facts(): Promise<WayBackFacts> {
    const stderr = this.#pid === undefined ? undefined : `/proc/${this.#pid}/fd/2`;
    const file = this.found.kind === "file" ? this.found.path : stderr;
    return {
      appends: this.#appends,
      holdsText: file !== undefined && (await holdsText(file)),
      stderrOpens: stderr !== undefined && !isLogPipe(await readlink(stderr).catch(() => "")) && (await opens(stderr)),
    };
  }
}

/** Gives what QEMU has against it, or undefined where it has taken it. */
async function setLogFile(client: QmpClient, path: string): Promise<string | undefined> {
  const text = await client.monitor(`logfile "${path.replace(/["\\]/g, "\\$&")}"`);
  return text.trim() === "" ? undefined : text.trim();
}

/** The file QEMU has given up: a daemon's log is its stderr, another's a file of its own that it has closed. */
function foundTarget(before: readonly OpenFile[] | undefined, after: readonly OpenFile[] | undefined): FoundTarget {
  const stderr = before?.find(({ fd }) => fd === 2);
  if (before === undefined || after === undefined || stderr === undefined) return { kind: "unseen" };
  const given = holds(after, stderr) ? before.find((file) => isForWriting(file) && !holds(after, file)) : stderr;
  if (given === undefined || (given !== stderr && given.link === stderr.link)) return { kind: "stderr" };
  return given.link.startsWith("/") ? { kind: "file", path: given.link } : { kind: "unseen" };
}

function isForWriting({ link, flags }: OpenFile): boolean {
  return link.startsWith("/") && (flags & ACCESS_MODE) === constants.O_WRONLY;
}

function holds(files: readonly OpenFile[] | undefined, wanted: OpenFile): boolean {
  return files?.some(({ fd, link }) => fd === wanted.fd && link === wanted.link) === true;
}

/**
 * The process's files once `passing` is closed. QEMU closes the logs it gives up in order, when no thread can be writing to
 * them any more: with this one, those before it are closed.
 */
async function filesWithout(pid: number, passing: OpenFile | undefined): Promise<readonly OpenFile[] | undefined> {
  for (const end = performance.now() + CLOSE_LIMIT_MS; ; await sleep(5)) {
    const files = await openFiles(pid);
    if (passing === undefined || performance.now() > end || !holds(files, passing)) return files;
  }
}

async function holdsText(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() === true && facts.size > 0;
}

async function opens(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)).close();
    return true;
  } catch {
    return false;
  }
}
