import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { Library } from "@portrait/classifier";
import type { Plan } from "@portrait/replayer";
import type { GuestSource, GuestTarget } from "../machine.ts";
import { buildGuest, type BuiltGuest, type MachineFactory } from "./build-guest.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";
import { planFor, type WatchedGuest } from "./guest.ts";
import { helloOf, ImageReader, readHello, writeImageBody } from "./image.ts";

/** What a checkpoint holds. */
export interface CheckpointReport {
  readonly bytes: number;
  readonly memoryBytes: number;
  readonly plan: Plan;
}

/**
 * Writes a stopped guest's image to a file; the guest can run on. The file appears under its name only when it is whole.
 * @throws MigrationError UNKNOWN_STATE; the file system's own errors.
 */
export async function writeCheckpoint(
  guest: WatchedGuest<GuestSource>,
  path: string,
  options: { readonly allowUnknown: boolean },
): Promise<CheckpointReport> {
  const { plan } = await planFor(guest, options);
  const unfinished = `${path}.${process.pid}.part`;
  const file = createWriteStream(unfinished, { flags: "wx", highWaterMark: 1 << 20 });
  try {
    const writer = new FrameWriter(file);
    await writer.writeJson(FRAME.hello, helloOf(guest.machine, guest.name));
    const memoryBytes = await writeImageBody(writer, guest.machine, plan);
    file.end();
    await finished(file);
    await rename(unfinished, path);
    return { bytes: writer.bytes, memoryBytes, plan };
  } catch (error) {
    file.destroy();
    await rm(unfinished, { force: true });
    throw error instanceof MigrationError && error.cause instanceof Error ? error.cause : error;
  }
}

/**
 * Builds the guest of a checkpoint on a new machine, stopped.
 * @throws MigrationError; VERIFY where device state differs, unless `allowDifferent`.
 */
export async function restoreCheckpoint<M extends GuestTarget>(
  path: string,
  makeMachine: MachineFactory<M>,
  library: Library,
  options: { readonly allowDifferent: boolean },
): Promise<BuiltGuest<M>> {
  const reader = new FrameReader(createReadStream(path, { highWaterMark: 1 << 20 }));
  const hello = await readHello(reader);
  const machine = await makeMachine(hello);
  try {
    const guest = await buildGuest(machine, hello, new ImageReader(reader), library);
    const { different } = guest.result.comparison;
    if (different.length > 0 && !options.allowDifferent) {
      throw new MigrationError("VERIFY", `after the plan ${different.map(({ path: at }) => at).join(", ")} differ`);
    }
    return guest;
  } catch (error) {
    await machine.destroy();
    throw error;
  }
}
