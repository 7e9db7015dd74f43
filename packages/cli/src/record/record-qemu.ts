import { rm } from "node:fs/promises";
import { basename } from "node:path";
import type { ClockUnit } from "@portrait/tracer";
import { QemuCapture, qemuStatus, QmpClient, startQemu, type CaptureEnd } from "@portrait/vmm";
import { EXIT, UsageError, type ExitCode } from "../errors.ts";
import { checkUserDescriptions } from "../input/library.ts";
import type { Until } from "../machine/until.ts";
import { traceInfoOf } from "../machine/watched.ts";
import { plural } from "../output/numbers.ts";
import { warn, type Session } from "../session.ts";
import type { RecordingOptions } from "./recording-output.ts";
import { createRecording } from "./recording.ts";

/** What is recorded, and how long. */
export interface QemuOptions extends RecordingOptions {
  readonly clock: ClockUnit;
  /** QMP socket of a QEMU that runs. */
  readonly qmp?: string;
  /** Command line of a QEMU to be started. */
  readonly command: readonly string[];
  readonly until?: Until;
}

/** A QEMU, by its control connection. `name` names it where its guest has no name. */
export interface Qemu {
  readonly client: QmpClient;
  readonly name: string;
}

interface OpenedQemu extends Qemu {
  /** True where it waits for us to begin. */
  readonly waits: boolean;
  end(): Promise<void>;
}

/** Records a QEMU that runs, or starts one and records it from its first instruction. */
export async function recordQemu(session: Session, options: QemuOptions): Promise<ExitCode> {
  if (options.until?.kind === "text")
    throw new UsageError("--until TEXT needs the guest's console, which is QEMU's own; give SECONDS or 'N accesses'");
  await checkUserDescriptions(session.devices);
  const qemu = await open(options);
  let reason: CaptureEnd;
  try {
    reason = await record(session, options, qemu);
  } finally {
    await qemu.end();
  }
  return reason === "interrupted" ? EXIT.interrupted : EXIT.done;
}

async function open({ qmp, command }: QemuOptions): Promise<OpenedQemu> {
  if (qmp === undefined && command.length === 0)
    throw new UsageError("say which QEMU: --qmp SOCKET of one that runs, or -- qemu-system-… to start one");
  if (qmp === undefined) {
    const started = await startQemu(command, { console: "ours" });
    return { client: started.client, end: () => started.end(), name: basename(command[0] ?? ""), waits: true };
  }
  if (command.length > 0) throw new UsageError("--qmp is for a QEMU that runs; leave out the command to start one");
  const client = await QmpClient.connect(qmp);
  const end = () => Promise.resolve(client.close());
  return { client, end, name: basename(qmp), waits: false };
}

async function record(session: Session, options: QemuOptions, qemu: OpenedQemu): Promise<CaptureEnd> {
  const { until } = options;
  const accesses = until?.kind === "accesses" ? until.count : undefined;
  const { result, summary } = await whileCaptured(session, { ...options, accesses }, qemu, async (capture) => {
    if (qemu.waits) await qemu.client.execute("cont");
    return capture.run({ signal: session.signal, ...(until?.kind === "time" && { wallMs: until.ms }) });
  });
  await warn(session, `${endText(result)}; ${summary}`);
  return result;
}

/** Where a capture goes, and how many accesses it takes at the most. */
export interface CaptureOptions extends RecordingOptions {
  readonly clock: ClockUnit;
  readonly accesses?: number | undefined;
}

/** Captures a QEMU's guest while `use` runs. The file is sealed in any case, and QEMU left as it was found. */
export async function whileCaptured<T>(
  session: Session,
  options: CaptureOptions,
  { client, name: fallback }: Qemu,
  use: (capture: QemuCapture) => Promise<T>,
): Promise<{ readonly result: T; readonly summary: string }> {
  const { version, name, fresh } = await qemuStatus(client);
  const startedAt = Date.now();
  const { clock, ports = [], accesses } = options;
  const machine = { engine: "qemu", engineVersion: version };
  const facts = { guest: name ?? fallback, clock, ports, fromReset: fresh, startedAt };
  const recording = await createRecording(session, await traceInfoOf(session, machine, facts), options);
  try {
    const attach = { writer: recording.writer, startedAt, ...(accesses !== undefined && { accesses }) };
    const capture = await QemuCapture.attach(client, attach).catch(async (error: unknown) => {
      // It holds nothing.
      await rm(recording.path);
      throw error;
    });
    const result = await whileAttached(session, capture, use);
    await recording.close();
    return { result, summary: recording.summary };
  } finally {
    await recording.seal();
  }
}

async function whileAttached<T>(
  session: Session,
  capture: QemuCapture,
  use: (capture: QemuCapture) => Promise<T>,
): Promise<T> {
  const told = capture.remarks.length;
  try {
    for (const remark of capture.remarks) await warn(session, remark);
    return await use(capture);
  } finally {
    try {
      await capture.detach();
    } finally {
      for (const remark of [...capture.remarks.slice(told), ...lossesOf(capture)]) await warn(session, remark);
    }
  }
}

/** What is not in the trace, in words. */
function lossesOf({ counts }: QemuCapture): string[] {
  const { foreign, oddSizes, malformed, firstMalformed } = counts;
  const losses = [];
  if (foreign > 0) losses.push(`${plural(foreign, "access", "accesses")} by qtest or a monitor are not in the trace`);
  if (oddSizes > 0) losses.push(`${plural(oddSizes, "access", "accesses")} of an odd size are not in the trace`);
  if (malformed > 0)
    losses.push(`${plural(malformed, "line")} of QEMU's log could not be read, the first was line ${firstMalformed}`);
  return losses;
}

/** Why a capture ended, in words. */
export function endText(reason: CaptureEnd): string {
  switch (reason) {
    case "limit":
      return "stopped";
    case "interrupted":
      return "interrupted";
    case "shutdown":
      return "the guest was shut down";
    case "gone":
      return "QEMU is gone";
    case "taken":
      return "somebody else has taken QEMU's log, so nothing more can be seen";
  }
}
