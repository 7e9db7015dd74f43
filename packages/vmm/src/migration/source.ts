import type { Duplex } from "node:stream";
import type { Plan, ReadBackReport } from "@portrait/replayer";
import type { GuestSource } from "../machine.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";
import { planFor, type WatchedGuest } from "./guest.ts";
import { expectAnswer, resultSchema, type DestinationResult } from "./handshake.ts";
import { helloOf, parse, writeImageBody } from "./image.ts";

const ANSWER_LIMIT_MS = 30_000;

/** What a migration did, in milliseconds and bytes. */
export interface MigrationReport {
  /** From the stop of the source to the destination being free to run. */
  readonly downtimeMs: number;
  /** Bytes of CPU and memory sent. */
  readonly memoryBytes: number;
  readonly plan: Plan;
  /** Registers read at the source that did not hold what the trace left in them. */
  readonly readBack: ReadBackReport;
  readonly result: DestinationResult;
  /** False where the connection ended before the destination said that it runs the guest: it may, the source must not. */
  readonly confirmed: boolean;
}

/** How a guest is sent. */
export interface SendOptions {
  /** Go on although registers are unknown. */
  readonly allowUnknown: boolean;
  /** Go on although device state differs after the plan. */
  readonly allowDifferent: boolean;
}

/**
 * Sends a stopped guest over a connection. Resolves when the destination has it: the source must not run any more. On any
 * failure the source is as it was and can run on.
 * @throws MigrationError
 */
export async function sendGuest(
  guest: WatchedGuest<GuestSource>,
  connection: Duplex,
  options: SendOptions,
): Promise<MigrationReport> {
  const start = performance.now();
  const { plan, readBack } = await planFor(guest, options);
  const writer = new FrameWriter(connection);
  const reader = new FrameReader(connection);
  await writer.writeJson(FRAME.hello, helloOf(guest.machine, guest.name));
  await expectAnswer(reader, FRAME.ready, "the destination's READY", ANSWER_LIMIT_MS);
  const memoryBytes = await writeImageBody(writer, guest.machine, plan);
  const payload = await expectAnswer(reader, FRAME.result, "the destination's comparison", ANSWER_LIMIT_MS);
  const result = parse(resultSchema, payload, "comparison");
  if (result.comparison.different.length > 0 && !options.allowDifferent) {
    await writer.writeJson(FRAME.abort, {}).catch(() => undefined);
    throw different(result);
  }
  await writer.writeJson(FRAME.commit, {});
  const confirmed = await runsThere(reader);
  return { downtimeMs: performance.now() - start, memoryBytes, plan, readBack, result, confirmed };
}

/** Waits for the destination's word that it runs. The guest is its own by then, so that nothing is an error any more. */
async function runsThere(reader: FrameReader): Promise<boolean> {
  try {
    await expectAnswer(reader, FRAME.running, "the destination's RUNNING", ANSWER_LIMIT_MS);
    return true;
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return false;
  }
}

function different({ comparison }: DestinationResult): MigrationError {
  const shown = comparison.different.slice(0, 8).map((one) => `${one.path} (${one.source} → ${one.destination})`);
  const more =
    comparison.different.length > shown.length ? `, and ${comparison.different.length - shown.length} more` : "";
  return new MigrationError(
    "VERIFY",
    `${comparison.different.length} fields of the device state differ after the plan: ${shown.join(", ")}${more}`,
  );
}
