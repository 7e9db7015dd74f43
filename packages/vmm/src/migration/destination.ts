import type { Duplex } from "node:stream";
import type { Library } from "@portrait/classifier";
import { messageOf } from "@portrait/tracer";
import type { GuestTarget } from "../machine.ts";
import { buildGuest, type BuiltGuest, type MachineFactory } from "./build-guest.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";
import { ImageReader, readHello } from "./image.ts";
import { expectFit } from "./machine-fit.ts";

const COMMIT_LIMIT_MS = 30_000;

/**
 * Takes one guest from a connection, and lets it begin once the source has given it up. Where it does not come to that the machine is destroyed, the
 * source told why, and the source goes on.
 * @param begin how the guest begins; throws a MigrationError where it certainly does not
 * @throws MigrationError; what `begin` throws: where that is another error, nobody knows whether the guest runs here
 */
export async function receiveGuest<M extends GuestTarget>(
  connection: Duplex,
  makeMachine: MachineFactory<M>,
  library: Library,
  begin: (machine: M) => Promise<void> = (machine) => machine.begin(),
): Promise<BuiltGuest<M>> {
  const reader = new FrameReader(connection);
  const writer = new FrameWriter(connection);
  const decline = async (error: unknown): Promise<never> => {
    const reason = messageOf(error);
    await writer.writeJson(FRAME.refused, { reason }).catch(() => undefined);
    throw error;
  };
  const guest = await takeOver(reader, writer, makeMachine, library).catch(decline);
  try {
    await begin(guest.machine);
  } catch (error) {
    // The source has given the guest up, and takes it back only where it certainly does not run here.
    if (!(error instanceof MigrationError)) throw error;
    await guest.machine.destroy();
    return decline(error);
  }
  await writer.writeJson(FRAME.running, {}).catch(() => undefined);
  return guest;
}

/** Builds the guest, and waits until the source gives it up. The machine is destroyed where it does not. */
async function takeOver<M extends GuestTarget>(
  reader: FrameReader,
  writer: FrameWriter,
  makeMachine: MachineFactory<M>,
  library: Library,
): Promise<BuiltGuest<M>> {
  const hello = await readHello(reader);
  const machine = await makeMachine(hello);
  try {
    expectFit(machine, hello);
    await writer.writeJson(FRAME.ready, {});
    const guest = await buildGuest(machine, hello, new ImageReader(reader), library);
    await writer.writeJson(FRAME.result, guest.result);
    const { type } = await reader.read("the source's decision", COMMIT_LIMIT_MS);
    if (type !== FRAME.commit) throw new MigrationError("PEER", "the source kept the guest");
    return guest;
  } catch (error) {
    await machine.destroy();
    throw error;
  }
}
