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
import { createRecording, type Recording, type RecordingOptions } from "./recording.ts";

/** What is recorded, and how long. */
export interface QemuOptions extends RecordingOptions {
  readonly clock: ClockUnit;
  /** QMP socket of a QEMU that runs. */
  readonly qmp?: string;
  /** Command line of a QEMU to be started. */
  readonly command: readonly string[];
  readonly until?: Until;
}

interface Qemu {
  readonly client: QmpClient;
  readonly name: string;
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

async function open({ qmp, command }: QemuOptions): Promise<Qemu> {
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

async function record(session: Session, options: QemuOptions, qemu: Qemu): Promise<CaptureEnd> {
  const { version, name, fresh } = await qemuStatus(qemu.client);
  const startedAt = Date.now();
  const { clock, ports = [] } = options;
  const machine = { engine: "qemu", engineVersion: version };
  const guest = name ?? qemu.name;
  const info = await traceInfoOf(session, machine, { guest, clock, ports, fromReset: fresh, startedAt });
  const recording = await createRecording(session, info, options);
  let reason: CaptureEnd;
  try {
    reason = await capture(session, options, qemu, recording, startedAt);
    await recording.close();
  } finally {
    await recording.seal();
  }
  await warn(session, `${endText(reason)}; ${recording.summary}`);
  return reason;
}

async function capture(
  session: Session,
  options: QemuOptions,
  { client, waits }: Qemu,
  { writer, path }: Recording,
  startedAt: number,
): Promise<CaptureEnd> {
  const { until } = options;
  const accesses = until?.kind === "accesses" ? { accesses: until.count } : {};
  const one = await QemuCapture.attach(client, { writer, startedAt, ...accesses }).catch(async (error: unknown) => {
    // It holds nothing.
    await rm(path);
    throw error;
  });
  const told = one.remarks.length;
  try {
    for (const remark of one.remarks) await warn(session, remark);
    if (waits) await client.execute("cont");
    return await one.run({ signal: session.signal, ...(until?.kind === "time" && { wallMs: until.ms }) });
  } finally {
    try {
      await one.detach();
    } finally {
      for (const remark of [...one.remarks.slice(told), ...lossesOf(one)]) await warn(session, remark);
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

function endText(reason: CaptureEnd): string {
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
