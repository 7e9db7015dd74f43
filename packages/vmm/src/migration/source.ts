import type { Duplex } from "node:stream";
import { setImmediate as immediate } from "node:timers/promises";
import type { Plan, SourceRead } from "@portrait/replayer";
import type { GuestSource, Stops } from "../machine.ts";
import { differenceText } from "./difference-text.ts";
import { MigrationError } from "./errors.ts";
import { FRAME, FrameReader, FrameWriter } from "./frames.ts";
import {
  lookAtStopped,
  planFor,
  planKnown,
  readRegisters,
  rehearsePlan,
  type GuestPlan,
  type GuestReads,
  type LiveGuest,
  type WatchedGuest,
} from "./guest.ts";
import { expectAnswer, rehearseResult, resultSchema, type DestinationResult } from "./handshake.ts";
import { helloOf, parse, writeEnd, writePieces, writePlan } from "./image.ts";

const ANSWER_LIMIT_MS = 30_000;
/** Fields that a message names. */
const SHOWN_FIELDS = 8;

/** What a migration did, in milliseconds and bytes. */
export interface MigrationReport {
  /** From the stop of the source, or where nobody took its time from the beginning, to the destination's word that the guest runs. */
  readonly downtimeMs: number;
  /** How the guest was stopped; undefined where whoever stopped it did not look at its devices. */
  readonly stops: Stops | undefined;
  /** How often memory was gone over: once, where the guest was stopped all the time. */
  readonly rounds: number;
  /** Bytes of CPU and memory sent. */
  readonly memoryBytes: number;
  readonly plan: Plan;
  /** Regions of registers, by the engine's names, that the guest has reached through memory: nothing of them is in the plan. */
  readonly memoryMapped: readonly string[];
  /** Registers that were read at the source. */
  readonly readBack: readonly SourceRead[];
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
 * Sends a guest over a connection: a stopped one, or one that runs until most of its memory has gone ahead. Resolves when the
 * destination has it: the source must not run any more. On any failure the source is as it was and can run on.
 * @throws MigrationError
 */
export async function sendGuest(
  guest: WatchedGuest<GuestSource> | LiveGuest,
  connection: Duplex,
  options: SendOptions,
): Promise<MigrationReport> {
  const begun = performance.now();
  const writer = new FrameWriter(connection);
  const reader = new FrameReader(connection);
  const live = "catchUp" in guest ? guest : undefined;
  const { memoryBytes, plan, readBack } =
    live === undefined
      ? await sendStopped(guest, writer, reader, options)
      : await sendLive(live, writer, reader, options);
  await writeEnd(writer, guest.machine);
  const memoryMapped = guest.memoryMapped?.() ?? [];
  const decision = await decide(writer, reader, options, memoryMapped);
  return {
    downtimeMs: performance.now() - (guest.machine.stoppedAt ?? begun),
    stops: guest.machine.stops,
    rounds: live?.machine.rounds ?? 1,
    memoryBytes,
    plan,
    memoryMapped,
    readBack,
    ...decision,
  };
}

async function greet(
  guest: WatchedGuest<GuestSource> | LiveGuest,
  writer: FrameWriter,
  reader: FrameReader,
): Promise<void> {
  await writer.writeJson(FRAME.hello, helloOf(guest.machine, guest.name, { runs: "catchUp" in guest }));
  await expectAnswer(reader, FRAME.ready, "the destination's READY", ANSWER_LIMIT_MS);
}

/** What was sent of a guest before its devices, and the plan for these. */
interface SentBody extends GuestPlan {
  readonly memoryBytes: number;
}

async function sendStopped(
  guest: WatchedGuest<GuestSource>,
  writer: FrameWriter,
  reader: FrameReader,
  options: SendOptions,
): Promise<SentBody> {
  const planned = await planFor(guest, options);
  await greet(guest, writer, reader);
  await writePlan(writer, planned.plan);
  return { ...planned, memoryBytes: await writePieces(writer, guest.machine.body()) };
}

/** Sends memory until the guest is stopped and quiet; then what is left of it goes while the plan is made. */
async function sendLive(
  guest: LiveGuest,
  writer: FrameWriter,
  reader: FrameReader,
  options: SendOptions,
): Promise<SentBody> {
  await greet(guest, writer, reader);
  rehearseResult();
  await writePlan(writer, await rehearsePlan(guest.classifier));
  const aheadBytes = await writePieces(
    writer,
    guest.machine.ahead((irqs) => lookAtStopped(guest, irqs)),
  );
  // The body begins first: it goes by itself, while registers are read.
  const reading = immediate().then(() => readRegisters(guest));
  const [restBytes, { readBack }, plan] = await Promise.all([
    writePieces(writer, guest.machine.body(reading)),
    reading,
    sendPlan(guest, reading, writer, options),
  ]);
  return { plan, readBack, memoryBytes: aheadBytes + restBytes };
}

async function sendPlan(
  guest: LiveGuest,
  registersRead: Promise<GuestReads>,
  writer: FrameWriter,
  options: SendOptions,
): Promise<Plan> {
  const reads = await registersRead;
  await guest.machine.leaving;
  const plan = planKnown(guest, reads, options);
  await writePlan(writer, plan);
  return plan;
}

/** Takes the destination's comparison, and gives the guest up or keeps it. @throws MigrationError */
async function decide(
  writer: FrameWriter,
  reader: FrameReader,
  options: SendOptions,
  memoryMapped: readonly string[],
): Promise<Pick<MigrationReport, "result" | "confirmed">> {
  const payload = await expectAnswer(reader, FRAME.result, "the destination's comparison", ANSWER_LIMIT_MS);
  const result = parse(resultSchema, payload, "comparison");
  if (result.comparison.different.length > 0 && !options.allowDifferent) {
    await writer.writeJson(FRAME.abort, {}).catch(() => undefined);
    throw different(result, memoryMapped);
  }
  await writer.writeJson(FRAME.commit, {});
  return { result, confirmed: await runsThere(reader) };
}

/**
 * Waits for the destination's word that it runs. The guest is its own by then: nothing is an error any more but its word that it does not.
 * @throws MigrationError DECLINED
 */
async function runsThere(reader: FrameReader): Promise<boolean> {
  try {
    await expectAnswer(reader, FRAME.running, "the destination's RUNNING", ANSWER_LIMIT_MS);
    return true;
  } catch (error) {
    if (!(error instanceof MigrationError) || error.code === "DECLINED") throw error;
    return false;
  }
}

function different({ comparison }: DestinationResult, memoryMapped: readonly string[]): MigrationError {
  const { different: fields, devices } = comparison;
  const shown = fields
    .slice(0, SHOWN_FIELDS)
    .map((one) => [`${one.path} (${differenceText(one)})`, ...(one.why === undefined ? [] : [one.why])].join(": "));
  const more = fields.length > shown.length ? `, and ${fields.length - shown.length} more` : "";
  const concerned = devices.filter((device) => device.different > 0).map((one) => `${one.device} ${one.different}`);
  const reached =
    memoryMapped.length === 0
      ? ""
      : `. The guest has reached registers through memory as well, which a trace of ports does not show: ${memoryMapped.join(", ")}`;
  return new MigrationError(
    "VERIFY",
    `the device state differs in ${fields.length} field${fields.length === 1 ? "" : "s"} after the plan (${concerned.join(", ")}): ${shown.join(", ")}${more}${reached}`,
  );
}
