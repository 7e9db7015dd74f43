import { z } from "zod";
import { QemuError } from "./errors.ts";
import { withLimit } from "./limit.ts";
import { LineSocket } from "./line-socket.ts";

const GREETING_LIMIT_MS = 5_000;
const ANSWER_LIMIT_MS = 10_000;

/** A QEMU's version, from its greeting. `package` is the distribution's own text, often empty. */
export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  readonly package: string;
}

/** A version as QEMU calls it: `7.2.22 (Debian 1:7.2+dfsg-7)`. */
export function versionText({ major, minor, micro, package: text }: QemuVersion): string {
  return `${major}.${minor}.${micro}${text === "" ? "" : ` (${text})`}`;
}

/** Something QEMU told unasked: `SHUTDOWN`, `STOP`, `RESUME`, `MIGRATION`, …, with the event's own data. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const GREETING = z.object({
  QMP: z.object({
    version: z.object({
      qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }),
      package: z.string(),
    }),
  }),
});

const MESSAGE = z.union([
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
  z.object({ return: z.unknown(), id: z.number().optional() }).refine((message) => "return" in message),
]);

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QemuError) => void;
}

/**
 * A connection to a QEMU's control socket (`-qmp unix:PATH,server=on,wait=off`). QEMU serves one client at a time on each
 * such socket. Every wait has a limit.
 */
export class QmpClient {
  readonly path: string;
  readonly version: QemuVersion;
  /** Fulfilled with the reason when the connection has ended, whoever ended it. */
  readonly ended: Promise<QemuError>;
  readonly #socket: LineSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #nextId = 1;

  private constructor(opened: Opened) {
    this.path = opened.socket.path;
    this.version = opened.version;
    this.ended = opened.ended;
    this.#socket = opened.socket;
    opened.onLine((line) => this.#take(line));
    void this.ended.then((reason) => this.#rejectAll(reason));
  }

  /** Connects, checks the greeting and leaves the negotiation mode. @throws QemuError */
  static async connect(path: string): Promise<QmpClient> {
    const client = new QmpClient(await open(path));
    try {
      await client.execute("qmp_capabilities");
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /**
   * Carries out one command and gives what it returned. Commands may be under way at the same time.
   * @throws QemuError `COMMAND` where QEMU refused it, `TIMEOUT` after `limitMs`, `CLOSED` where the connection ended.
   */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}, limitMs = ANSWER_LIMIT_MS): Promise<unknown> {
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { command, resolve, reject });
      this.#socket.send(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
    const limited = withLimit(answer, limitMs, `${this.path}: QEMU did not answer ${command} in ${limitMs / 1000} s`);
    return limited.finally(() => this.#waiting.delete(id));
  }

  /** Carries out one command of the human monitor and gives the text it printed; its errors are texts, too. @throws QemuError */
  async monitor(line: string, limitMs?: number): Promise<string> {
    const text = await this.execute("human-monitor-command", { "command-line": line }, limitMs);
    if (typeof text === "string") return text;
    throw new QemuError("PROTOCOL", `${this.path}: the monitor command "${line}" was not answered with a text`);
  }

  /** Calls `listener` for each event from now on, until the function it gives is called. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The next event that `accept` takes. @throws QemuError `TIMEOUT`, with `what` it waited for; `CLOSED` */
  async nextEvent(accept: (event: QmpEvent) => boolean, what: string, limitMs: number): Promise<QmpEvent> {
    let off: (() => void) | undefined;
    const event = new Promise<QmpEvent>((resolve, reject) => {
      off = this.onEvent((one) => accept(one) && resolve(one));
      void this.ended.then(reject);
    });
    return withLimit(event, limitMs, `${this.path}: QEMU did not tell of ${what} in ${limitMs / 1000} s`).finally(off);
  }

  /** Ends the connection; the guest is not touched. */
  close(): void {
    this.#socket.close();
  }

  #take(line: string): void {
    const message = parse(MESSAGE, line);
    if (message === undefined) {
      this.#rejectAll(new QemuError("PROTOCOL", `${this.path}: QEMU said ${quoted(line)}, which is not QMP`));
      this.close();
    } else if ("event" in message) {
      for (const listener of this.#listeners) listener({ name: message.event, data: message.data });
    } else if (message.id !== undefined) {
      const waiting = this.#waiting.get(message.id);
      if ("error" in message) waiting?.reject(this.#refused(waiting.command, message.error.desc));
      else waiting?.resolve(message.return);
    }
  }

  #refused(command: string, reason: string): QemuError {
    return new QemuError("COMMAND", `${this.path}: QEMU refused ${command}: ${reason}`);
  }

  #rejectAll(reason: QemuError): void {
    for (const { reject } of this.#waiting.values()) reject(reason);
  }
}

interface Opened {
  readonly socket: LineSocket;
  readonly version: QemuVersion;
  readonly ended: Promise<QemuError>;
  /** Who gets the lines after the greeting. */
  onLine(listener: (line: string) => void): void;
}

async function open(path: string): Promise<Opened> {
  let take: (line: string) => void = () => undefined;
  let end: (reason: QemuError) => void = () => undefined;
  const ended = new Promise<QemuError>((resolve) => {
    end = resolve;
  });
  const greeting = new Promise<string>((resolve, reject) => {
    take = resolve;
    void ended.then(reject);
  });
  // Where the connection is refused, nobody waits for the greeting.
  greeting.catch(() => undefined);
  const socket = await LineSocket.connect(path, { line: (line) => take(line), end });
  try {
    const silent = `${path}: no QMP greeting in ${GREETING_LIMIT_MS / 1000} s; it is not a QMP socket, or QEMU serves another client on it (libvirt, another portrait): give QEMU a second -qmp`;
    const version = versionOf(path, await withLimit(greeting, GREETING_LIMIT_MS, silent));
    return { socket, version, ended, onLine: (listener) => (take = listener) };
  } catch (error) {
    socket.close();
    throw error;
  }
}

function versionOf(path: string, line: string): QemuVersion {
  const greeting = parse(GREETING, line);
  if (greeting === undefined) {
    const reason = `${path} is not a QMP socket, it says ${quoted(line)}; start QEMU with -qmp unix:${path},server=on,wait=off`;
    throw new QemuError("PROTOCOL", reason);
  }
  const { qemu, package: text } = greeting.QMP.version;
  return { ...qemu, package: text };
}

function parse<T>(schema: z.ZodType<T>, line: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function quoted(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
}
