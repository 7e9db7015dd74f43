import type { Duplex } from "node:stream";
import type { Library } from "@portrait/classifier";
import type { GuestTarget } from "../machine.ts";
import { buildGuest, type BuiltGuest, type MachineFactory } from "./build-guest.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";
import { ImageReader, readHello } from "./image.ts";

const COMMIT_LIMIT_MS = 30_000;

/**
 * Takes one guest from a connection. Resolves once the source has given it up; the machine is stopped, ready to run.
 * On any failure the machine is destroyed, the source told why, and the source goes on.
 * @throws MigrationError
 */
export async function receiveGuest<M extends GuestTarget>(
  connection: Duplex,
  makeMachine: MachineFactory<M>,
  library: Library,
): Promise<BuiltGuest<M>> {
  const reader = new FrameReader(connection);
  const writer = new FrameWriter(connection);
  let guest: BuiltGuest<M> | undefined;
  try {
    const hello = await readHello(reader);
    const machine = await makeMachine(hello);
    try {
      await writer.writeJson(FRAME.ready, {});
      guest = await buildGuest(machine, hello, new ImageReader(reader), library);
      await writer.writeJson(FRAME.result, guest.result);
      const { type } = await reader.read("the source's decision", COMMIT_LIMIT_MS);
      if (type !== FRAME.commit) throw new MigrationError("PEER", "the source kept the guest");
    } catch (error) {
      await machine.destroy();
      throw error;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await writer.writeJson(FRAME.refused, { reason }).catch(() => undefined);
    throw error;
  }
  // The source has given the guest up: from here on it is ours, whether or not the acknowledgement arrives.
  await writer.writeJson(FRAME.running, {}).catch(() => undefined);
  return guest;
}
