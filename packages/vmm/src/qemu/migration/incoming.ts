import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Outflow } from "../../outflow.ts";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";

const SILENCE_LIMIT_MS = 30_000;
const SILENCE = {
  ms: SILENCE_LIMIT_MS,
  late: () => new QemuError("TIMEOUT", `QEMU read nothing of its migration stream for ${SILENCE_LIMIT_MS / 1000} s`),
};

/**
 * Passes the pieces of a migration stream to a QEMU that waits for one (`-incoming defer`), and ends it. QEMU has read
 * all of it then, or has it in its socket.
 * @throws QemuError; what `pieces` throws; the socket's error where QEMU stops reading.
 */
export async function feedIncoming(qmp: QmpClient, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const socket = await connectIncoming(qmp);
  try {
    const outflow = new Outflow(socket, SILENCE);
    for await (const piece of pieces) await outflow.put(piece);
    await outflow.flushed();
    socket.end();
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function connectIncoming(qmp: QmpClient): Promise<Socket> {
  // Only this user reaches a folder made by mkdtemp.
  const folder = await mkdtemp(join(tmpdir(), "portrait-stream-"));
  try {
    const path = join(folder, "socket");
    await qmp.execute("migrate-incoming", { uri: `unix:${path}` });
    const socket = createConnection(path);
    await once(socket, "connect");
    // QEMU hangs up once it has read all it needs: only what was written after that is an error.
    socket.on("error", () => undefined);
    return socket;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
