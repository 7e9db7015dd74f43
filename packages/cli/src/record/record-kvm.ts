import { release } from "node:os";
import { extname } from "node:path";
import type { ClockUnit } from "@portrait/tracer";
import { KvmCapture, kvmGuest, type KvmCaptureEnd, type KvmGuest } from "@portrait/vmm";
import { EXIT, UsageError, type ExitCode } from "../errors.ts";
import { checkUserDescriptions } from "../input/library.ts";
import type { Until } from "../machine/until.ts";
import { traceInfoOf } from "../machine/watched.ts";
import { plural } from "../output/numbers.ts";
import { warn, type Session } from "../session.ts";
import type { RecordingOptions } from "./recording-output.ts";
import { createRecording, type Recording } from "./recording.ts";

/** What is recorded, and how long. */
export interface KvmOptions extends RecordingOptions {
  readonly clock: ClockUnit;
  /** Process of the guest's monitor, or every guest. */
  readonly pid?: number | "all";
  /** KiB of kernel memory for each CPU. */
  readonly buffer?: number;
  readonly until?: Until;
}

/** Records guests of this host's KVM, from where they are. */
export async function recordKvm(session: Session, options: KvmOptions): Promise<ExitCode> {
  const { pid, until, buffer, ports = [] } = options;
  if (pid === undefined)
    throw new UsageError('say which guest: --pid N of its process, or --pid all; "portrait machines" lists them');
  if (until?.kind === "text")
    throw new UsageError(
      "--until TEXT needs the guest's console, which is its monitor's; give SECONDS or 'N accesses'",
    );
  await checkUserDescriptions(session.devices);
  const recordings: Recording[] = [];
  const capture = await KvmCapture.prepare({
    guest: pid === "all" ? pid : await kvmGuest(pid),
    ports,
    ...(buffer !== undefined && { bufferKiB: buffer }),
    ...(until?.kind === "accesses" && { accesses: until.count }),
    open: async (guest) => {
      const recording = await create(session, options, guest, capture.startedAt);
      recordings.push(recording);
      return { writer: recording.writer };
    },
  });
  for (const remark of capture.remarks) await warn(session, remark);
  let end: KvmCaptureEnd;
  try {
    await capture.begin();
    end = await capture.run({ signal: session.signal, ...(until?.kind === "time" && { wallMs: until.ms }) });
    for (const recording of recordings) await recording.close();
  } finally {
    for (const recording of recordings) await recording.seal();
  }
  for (const loss of lossesOf(capture)) await warn(session, loss);
  const summaries = recordings.map(({ summary }) => summary);
  await warn(session, [endText(end), ...(summaries.length > 0 ? summaries : ["no guest made an access"])].join("; "));
  return end === "interrupted" ? EXIT.interrupted : EXIT.done;
}

async function create(session: Session, options: KvmOptions, guest: KvmGuest, startedAt: number): Promise<Recording> {
  const { output, clock, ports = [], pid } = options;
  const machine = { engine: "kvm", engineVersion: `Linux ${release()}` };
  const name = `${guest.name ?? guest.program} (process ${guest.pid})`;
  const info = await traceInfoOf(session, machine, { guest: name, clock, ports, fromReset: false, startedAt });
  return createRecording(session, info, { ...options, output: pid === "all" ? perGuest(output, guest) : output });
}

/** `host.pio` and process 4711: `host.4711.pio`. */
function perGuest(output: string, { pid }: KvmGuest): string {
  const extension = extname(output);
  return `${output.slice(0, output.length - extension.length)}.${pid}${extension}`;
}

/** What is not in the traces as it was, in words. */
function lossesOf({ counts }: KvmCapture): string[] {
  const { lost, gaps, late } = counts;
  const losses = [];
  if (lost > 0)
    losses.push(
      `${plural(lost, "access", "accesses")} were lost in ${plural(gaps, "gap")}: the kernel's buffer was full; give it more with --buffer`,
    );
  if (late > 0) losses.push(`${plural(late, "access", "accesses")} came late and do not stand in the order of time`);
  return losses;
}

function endText(end: KvmCaptureEnd): string {
  switch (end) {
    case "limit":
      return "stopped";
    case "interrupted":
      return "interrupted";
    case "gone":
      return "the guest's process has ended";
  }
}
