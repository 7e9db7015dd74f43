import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLimit } from "../limit.ts";
import type { QmpClient } from "../qmp.ts";

const SILENCE_LIMIT_MS = 30_000;

/**
 * Passes the pieces of a migration stream to a QEMU that waits for one (`-incoming defer`), and ends it. QEMU has read
 * all of it then, or has it in its socket.
 * @throws QemuError; what `pieces` throws; the socket's error where QEMU stops reading.
 */
export async function feedIncoming(qmp: QmpClient, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  // Only this user reaches a folder made by mkdtemp.
  const folder = await mkdtemp(join(tmpdir(), "portrait-stream-"));
  try {
    const path = join(folder, "socket");
    await qmp.execute("migrate-incoming", { uri: `unix:${path}` });
    const socket = createConnection(path);
    await once(socket, "connect");
    socket.on("error", () => undefined);
    try {
      for await (const piece of pieces) await write(socket, piece);
      socket.end();
    } catch (error) {
      socket.destroy();
      throw error;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Resolves when the bytes are on their way. QEMU hangs up once it has read all it needs: only a write after that is an error. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  const written = new Promise<void>((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
  const waited = `QEMU read nothing of its migration stream for ${SILENCE_LIMIT_MS / 1000} s`;
  return withLimit(written, SILENCE_LIMIT_MS, waited);
}
