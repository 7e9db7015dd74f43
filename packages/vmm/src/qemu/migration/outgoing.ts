import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTimeout, QemuError } from "../errors.ts";
import { withLimit } from "../limit.ts";
import type { QmpClient } from "../qmp.ts";
import { ENDED, MigrationWatch } from "./migration-watch.ts";
import { plainStream, type RunningRounds } from "./settings.ts";
import { migrationState, pollUntil, type MigrationState } from "./status.ts";

const CONNECT_LIMIT_MS = 5_000;
const SILENCE_LIMIT_MS = 30_000;
const END_LIMIT_MS = 10_000;
const SWITCH_OVER_LIMIT_MS = 30_000;
const TAKE_LIMIT_MS = 2;
const SILENCE = `QEMU wrote nothing of its migration stream for ${SILENCE_LIMIT_MS / 1000} s`;

/**
 * A migration stream that a QEMU writes. What is not taken QEMU cannot write, and waits: its migration stands still then, its
 * guest does not. Once it is closed no migration is under way, and QEMU's migration settings are as they were.
 */
export class OutgoingStream {
  readonly #qmp: QmpClient;
  readonly #watch: MigrationWatch;
  readonly #socket: Socket;
  readonly #release: () => Promise<void>;
  #told: Promise<unknown> = Promise.resolve();
  /** Since when nothing has come of it although it was asked. */
  #silentSince: number | undefined;

  private constructor(qmp: QmpClient, watch: MigrationWatch, socket: Socket, release: () => Promise<void>) {
    this.#qmp = qmp;
    this.#watch = watch;
    this.#socket = socket;
    this.#release = release;
    // Whoever reads sees it; it may come while nobody does.
    socket.on("error", () => undefined);
  }

  /** Has QEMU begin its stream, once everything for it is ready and `ready` has been called. @throws QemuError; what `ready` throws */
  static async open(
    qmp: QmpClient,
    rounds: RunningRounds,
    ready: () => Promise<void> = async () => {},
  ): Promise<OutgoingStream> {
    // Only this user reaches a folder made by mkdtemp.
    const folder = await mkdtemp(join(tmpdir(), "portrait-stream-"));
    const server = createServer({ pauseOnConnect: true });
    const watch = new MigrationWatch(qmp);
    let restore = async () => {};
    const release = async () => {
      watch.close();
      server.close();
      await rm(folder, { recursive: true, force: true });
      await noneUnderWay(qmp, restore);
    };
    try {
      server.listen(join(folder, "socket"));
      await once(server, "listening");
      restore = await plainStream(qmp, rounds);
      await ready();
      const socket = await connect(server, `unix:${join(folder, "socket")}`, qmp);
      return new OutgoingStream(qmp, watch, socket, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** The next chunk; undefined where none comes at once. @throws QemuError TIMEOUT where none has come for long; the socket's error */
  async take(): Promise<Buffer | undefined> {
    const chunk = this.#read() ?? (await this.#soon());
    if (chunk !== undefined) this.#silentSince = undefined;
    else this.#silentSince ??= performance.now();
    if (performance.now() - (this.#silentSince ?? Infinity) > SILENCE_LIMIT_MS) throw new QemuError("TIMEOUT", SILENCE);
    return chunk;
  }

  #read(): Buffer | undefined {
    return (this.#socket.read() as Buffer | null) ?? undefined;
  }

  async #soon(): Promise<Buffer | undefined> {
    const socket = this.#socket;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        socket.off("readable", done).off("close", done);
        resolve();
      };
      const timer = setTimeout(done, TAKE_LIMIT_MS);
      socket.once("readable", done).once("close", done);
    });
    if (socket.errored) throw socket.errored;
    return this.#read();
  }

  /** Every chunk up to the end of the stream. @throws QemuError TIMEOUT; the socket's error */
  async *rest(): AsyncGenerator<Buffer, void> {
    const chunks: AsyncIterator<Buffer> = this.#socket[Symbol.asyncIterator]();
    try {
      // Not a time-out of the socket: that would also run while whoever takes the stream is slow.
      for (;;) {
        const { done, value } = await withLimit(chunks.next(), SILENCE_LIMIT_MS, SILENCE);
        if (done === true) return;
        yield value;
      }
    } finally {
      this.#socket.destroy();
    }
  }

  /** Ends the migration, and gives what QEMU had written of it by then. @throws QemuError; the socket's error */
  async *cut(): AsyncGenerator<Buffer, void> {
    await this.#qmp.execute("migrate_cancel");
    yield* this.rest();
  }

  /** Lets the last part of the stream come, which waits in a state of its own until it is told to, once `ready` is fulfilled. @throws QemuError */
  async switchOver(ready: Promise<unknown>): Promise<void> {
    await Promise.all([this.#reached("pre-switchover", "the last round of memory", SWITCH_OVER_LIMIT_MS), ready]);
    // QEMU may answer only after that part.
    this.#told = this.#qmp.execute("migrate-continue", { state: "pre-switchover" });
    this.#told.catch(() => undefined);
  }

  /** Resolves when QEMU says that all has been sent. @throws QemuError where it says otherwise */
  async completed(): Promise<void> {
    await this.#told;
    await this.#reached("completed", "the migration's end", END_LIMIT_MS);
  }

  /** Waits for as long as the stream goes on, and then for `limitMs` at the most. */
  async #reached(wanted: string, what: string, limitMs: number): Promise<void> {
    const { bytesRead } = this.#socket;
    const status = await this.#watch.until(wanted, what, limitMs).catch((error: unknown) => {
      if (isTimeout(error) && this.#socket.bytesRead > bytesRead) return undefined;
      throw error;
    });
    if (status === wanted) return;
    if (status === undefined) return this.#reached(wanted, what, limitMs);
    const { reason } = await migrationState(this.#qmp);
    const why = reason === undefined ? "" : `: ${reason}`;
    throw new QemuError("COMMAND", `${this.#qmp.path}: the migration ${status}${why}`);
  }

  /** Ends the migration wherever it is. @throws QemuError */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#release();
  }
}

/**
 * Has a stopped QEMU write its migration stream, and gives it chunk by chunk. However the reading ends, no migration is under
 * way afterwards and QEMU's migration settings are as they were. The guest stays stopped.
 * @throws QemuError
 */
export async function* outgoingStream(qmp: QmpClient): AsyncGenerator<Buffer, void> {
  const stream = await OutgoingStream.open(qmp, "none");
  try {
    yield* stream.rest();
    await stream.completed();
  } finally {
    await stream.close();
  }
}

/**
 * Has QEMU connect to the server with its stream. Once it has, nothing may be waited for that QEMU is to answer: it holds its main
 * lock while the last part of the stream is in a socket that nobody reads.
 */
async function connect(server: Server, uri: string, qmp: QmpClient): Promise<Socket> {
  const connection = once(server, "connection", { signal: AbortSignal.timeout(CONNECT_LIMIT_MS) });
  const started = qmp.execute("migrate", { uri });
  for (const promise of [connection, started]) promise.catch(() => undefined);
  await Promise.race([connection, started]);
  try {
    const [socket] = await connection;
    return socket as Socket;
  } catch (cause) {
    const { status, reason = "QEMU did not connect" } = await migrationState(qmp);
    throw new QemuError("COMMAND", `${qmp.path}: the migration is ${status}: ${reason}`, { cause });
  }
}

/** The state of a migration that is over; undefined while it is under way. */
async function ended(qmp: QmpClient): Promise<MigrationState | undefined> {
  const state = await migrationState(qmp);
  return ENDED.has(state.status) ? state : undefined;
}

/** Cancels what is under way and sets the settings back, where QEMU is still there. */
async function noneUnderWay(qmp: QmpClient, restore: () => Promise<void>): Promise<void> {
  try {
    if ((await ended(qmp)) === undefined) await qmp.execute("migrate_cancel");
    await pollUntil(() => ended(qmp), "the cancelled migration's end", END_LIMIT_MS);
    await restore();
  } catch (error) {
    if (!(error instanceof QemuError && error.code === "CLOSED")) throw error;
  }
}
