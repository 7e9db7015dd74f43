import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";
import { plainStream } from "./settings.ts";
import { migrationState, pollUntil } from "./status.ts";

const CONNECT_LIMIT_MS = 5_000;
const SILENCE_LIMIT_MS = 30_000;
const END_LIMIT_MS = 10_000;
const ENDED = new Set(["none", "completed", "failed", "cancelled"]);

/**
 * Has a stopped QEMU write its migration stream, and gives it chunk by chunk. However the reading ends, no migration is under
 * way afterwards and QEMU's migration settings are as they were. The guest stays stopped.
 * @throws QemuError
 */
export async function* outgoingStream(qmp: QmpClient): AsyncGenerator<Buffer, void> {
  // Only this user reaches a folder made by mkdtemp.
  const folder = await mkdtemp(join(tmpdir(), "portrait-stream-"));
  const server = createServer({ pauseOnConnect: true });
  let socket: Socket | undefined;
  let restore = async () => {};
  try {
    server.listen(join(folder, "socket"));
    await once(server, "listening");
    restore = await plainStream(qmp);
    socket = await connect(server, `unix:${join(folder, "socket")}`, qmp);
    yield* chunks(socket);
    await completed(qmp);
  } finally {
    socket?.destroy();
    server.close();
    await rm(folder, { recursive: true, force: true });
    await noneUnderWay(qmp, restore);
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

async function* chunks(socket: Socket): AsyncGenerator<Buffer, void> {
  socket.setTimeout(SILENCE_LIMIT_MS, () => {
    const waited = `QEMU wrote nothing of its migration stream for ${SILENCE_LIMIT_MS / 1000} s`;
    socket.destroy(new QemuError("TIMEOUT", waited));
  });
  for await (const chunk of socket) yield chunk as Buffer;
}

async function completed(qmp: QmpClient): Promise<void> {
  const { status, reason } = await pollUntil(
    async () => {
      const state = await migrationState(qmp);
      return ENDED.has(state.status) ? state : undefined;
    },
    "the migration's end",
    END_LIMIT_MS,
  );
  if (status === "completed") return;
  throw new QemuError("COMMAND", `${qmp.path}: the migration ${status}${reason === undefined ? "" : `: ${reason}`}`);
}

/** Cancels what is under way and sets the settings back, where QEMU is still there. */
async function noneUnderWay(qmp: QmpClient, restore: () => Promise<void>): Promise<void> {
  try {
    const ended = async () => (ENDED.has((await migrationState(qmp)).status) ? true : undefined);
    if ((await ended()) === undefined) await qmp.execute("migrate_cancel");
    await pollUntil(ended, "the cancelled migration's end", END_LIMIT_MS);
    await restore();
  } catch (error) {
    if (!(error instanceof QemuError && error.code === "CLOSED")) throw error;
  }
}
