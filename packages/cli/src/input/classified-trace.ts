import { Classifier, classifiedColumns, type ClassifiedColumns, type Library } from "@portrait/classifier";
import { BATCH_CAPACITY, type AccessBatch } from "@portrait/tracer";
import { UsageError } from "../errors.ts";
import { Progress } from "../output/progress.ts";
import { checkInterrupted, type Session } from "../session.ts";
import { libraryFor } from "./library.ts";
import { openTrace, type OpenTrace } from "./open-trace.ts";

/** A trace with what is needed to classify it. */
export interface ClassifiedTrace extends OpenTrace {
  readonly library: Library;
}

/** A batch and its classification; both are used again for the next one. */
export interface ClassifiedBatch {
  readonly batch: AccessBatch;
  readonly columns: ClassifiedColumns;
}

/** Where a pass through a trace ends. */
export interface PassEnd {
  /** Sequence number of the last access. */
  readonly lastSeq?: number;
  /** Nanoseconds; the pass ends before the first access at or after it. */
  readonly endTime?: number;
}

/** Opens a trace and loads the descriptions it is to be read with. */
export async function openClassified(session: Session, path: string): Promise<ClassifiedTrace> {
  const trace = await openTrace(session, path);
  try {
    return { ...trace, library: await libraryFor(session.devices, trace.reader.info) };
  } catch (error) {
    await trace.close();
    throw error;
  }
}

/** A classifier at the start of the trace. */
export function classifierFor(trace: ClassifiedTrace): Classifier {
  return new Classifier(trace.library, { fromReset: trace.reader.info.fromReset });
}

/** Feeds the trace from its first access to `classifier`, batch by batch. */
export async function* classifiedBatches(
  session: Session,
  trace: ClassifiedTrace,
  classifier: Classifier,
  options: PassEnd & { readonly criteria: boolean },
): AsyncGenerator<ClassifiedBatch, void, undefined> {
  const columns = classifiedColumns(BATCH_CAPACITY, options);
  const progress = new Progress(session, trace);
  try {
    for await (const batch of trace.reader.batches(rangeOf(options))) {
      checkInterrupted(session);
      progress.show();
      classifier.feed(batch, columns);
      yield { batch, columns };
    }
  } finally {
    progress.clear();
  }
}

/** Where a reader's pass ends. */
export function rangeOf({ lastSeq, endTime }: PassEnd): { toSeq?: number; toTime?: number } {
  return { ...(lastSeq !== undefined && { toSeq: lastSeq + 1 }), ...(endTime !== undefined && { toTime: endTime }) };
}

/** What a whole pass gives. */
export interface Knowledge {
  readonly classifier: Classifier;
  /** Sequence number of the last access; -1 where there is none. */
  readonly at: number;
}

/**
 * Classifies a trace up to and including access `at`, or all of it.
 * @throws UsageError where the trace ends before `at`.
 */
export async function knowledgeOf(
  session: Session,
  trace: ClassifiedTrace,
  at: number | undefined,
): Promise<Knowledge> {
  const classifier = classifierFor(trace);
  const progress = new Progress(session, trace);
  let last = -1;
  try {
    for await (const batch of trace.reader.batches(rangeOf({ ...(at !== undefined && { lastSeq: at }) }))) {
      checkInterrupted(session);
      progress.show();
      classifier.feed(batch);
      last = batch.firstSeq + batch.length - 1;
    }
  } finally {
    progress.clear();
  }
  if (at !== undefined && last < at) {
    const end = last < 0 ? "has no access" : `ends at access ${last}`;
    throw new UsageError(`--at ${at}: ${trace.name} ${end}`);
  }
  return { classifier, at: last };
}
