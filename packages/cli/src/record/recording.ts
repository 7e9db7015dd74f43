import { Classifier } from "@portrait/classifier";
import type { TraceInfo, TraceWriter } from "@portrait/tracer";
import { libraryFor } from "../input/library.ts";
import { keepPorts } from "../machine/port-ranges.ts";
import type { Session } from "../session.ts";
import { PlainOutput } from "./plain-output.ts";
import type { RecordingOptions, RecordingOutput } from "./recording-output.ts";
import { RingOutput } from "./ring-output.ts";
import { RotatingOutput } from "./rotating-output.ts";

/** A trace while it is recorded. */
export interface Recording extends Pick<RecordingOutput, "path" | "close" | "seal" | "summary"> {
  /** Takes the accesses that are wanted. */
  readonly writer: Pick<TraceWriter, "write" | "flush">;
}

/** Creates the file. @throws the file system's error; `EEXIST` where there is one that must not be replaced */
export async function createRecording(
  session: Session,
  info: TraceInfo,
  options: RecordingOptions,
): Promise<Recording> {
  const output = await createOutput(session, info, options);
  const { ports } = options;
  return {
    path: output.path,
    writer: ports === undefined ? output.trace : keepPorts(output.trace, ports),
    close: () => output.close(),
    seal: () => output.seal(),
    get summary() {
      return output.summary;
    },
  };
}

async function createOutput(session: Session, info: TraceInfo, options: RecordingOptions): Promise<RecordingOutput> {
  const { ring, rotate } = options;
  if (ring === undefined && rotate === undefined) return PlainOutput.create(info, options);
  const classifier = new Classifier(await libraryFor(session.devices, info), { fromReset: info.fromReset });
  if (rotate !== undefined) return RotatingOutput.create(info, options, rotate, classifier);
  return RingOutput.create(session, info, options, ring ?? 0, classifier);
}
