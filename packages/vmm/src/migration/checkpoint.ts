import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { Library } from "@portrait/classifier";
import type { Plan } from "@portrait/replayer";
import type { GuestSource, GuestTarget, Stops } from "../machine.ts";
import { buildGuest, type BuiltGuest, type MachineFactory } from "./build-guest.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";
import { planFor, type WatchedGuest } from "./guest.ts";
import { FRAME_LIMIT_MS, helloOf, ImageReader, readHello, writeEnd, writePieces, writePlan } from "./image.ts";
import { expectFit } from "./machine-fit.ts";

/** What a checkpoint holds. */
export interface CheckpointReport {
  readonly bytes: number;
  readonly memoryBytes: number;
  readonly plan: Plan;
  /** How the guest was stopped; undefined where whoever stopped it did not look at its devices. */
  readonly stops: Stops | undefined;
}

/** How a checkpoint is restored. */
export interface RestoreOptions {
  /** Go on although device state differs after the plan. */
  readonly allowDifferent: boolean;
  /** Ends the machine that is being made. */
  readonly signal?: AbortSignal;
}

/**
 * Writes a stopped guest's image to a file; the guest can run on. The file appears under its name only when it is whole and on the disk.
 * @throws MigrationError UNKNOWN_STATE; the file system's own errors.
 */
export async function writeCheckpoint(
  guest: WatchedGuest<GuestSource>,
  path: string,
  options: { readonly allowUnknown: boolean },
): Promise<CheckpointReport> {
  const { plan } = await planFor(guest, options);
  const unfinished = `${path}.${process.pid}.part`;
  const file = (await open(unfinished, "wx")).createWriteStream({ highWaterMark: 1 << 20, flush: true });
  // Whoever writes next sees the failure; it may come while nobody does.
  file.on("error", () => undefined);
  try {
    const writer = new FrameWriter(file);
    await writer.writeJson(FRAME.hello, helloOf(guest.machine, guest.name));
    const memoryBytes = await writePieces(writer, guest.machine.body());
    await writePlan(writer, plan);
    await writeEnd(writer, guest.machine);
    file.end();
    await finished(file);
    await rename(unfinished, path);
    return { bytes: writer.bytes, memoryBytes, plan, stops: guest.machine.stops };
  } catch (error) {
    file.destroy();
    await rm(unfinished, { force: true });
    throw error instanceof MigrationError && error.cause instanceof Error ? error.cause : error;
  }
}

/**
 * Builds the guest of a checkpoint on a new machine, stopped. The file is read twice: what is wrong with it shows before a machine
 * has any of it.
 * @throws MigrationError; VERIFY where device state differs, unless `allowDifferent`. The file system's own errors.
 */
export async function restoreCheckpoint<M extends GuestTarget>(
  path: string,
  makeMachine: MachineFactory<M>,
  library: Library,
  options: RestoreOptions,
): Promise<BuiltGuest<M>> {
  await withImage(path, options, readWhole);
  return withImage(path, options, async (reader) => {
    const hello = await readHello(reader);
    const machine = await makeMachine(hello);
    try {
      expectFit(machine, hello);
      const guest = await buildGuest(machine, hello, new ImageReader(reader), library);
      options.signal?.throwIfAborted();
      const { different } = guest.result.comparison;
      if (different.length > 0 && !options.allowDifferent) {
        throw new MigrationError("VERIFY", `after the plan ${different.map(({ path: at }) => at).join(", ")} differ`);
      }
      return guest;
    } catch (error) {
      await machine.destroy();
      throw error;
    }
  });
}

async function withImage<T>(
  path: string,
  { signal }: RestoreOptions,
  use: (reader: FrameReader) => Promise<T>,
): Promise<T> {
  const file = createReadStream(path, { highWaterMark: 1 << 20, signal });
  try {
    return await use(new FrameReader(file));
  } catch (error) {
    if (!(error instanceof MigrationError) || error.code !== "PEER") throw error;
    // The other side is the file.
    throw error.cause ?? new MigrationError("FORMAT", `${path} is cut off: ${error.message}`);
  } finally {
    file.destroy();
  }
}

async function readWhole(reader: FrameReader): Promise<void> {
  await readHello(reader);
  while ((await reader.read("the end of the image", FRAME_LIMIT_MS)).type !== FRAME.end);
}
