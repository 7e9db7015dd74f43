import { setTimeout as sleep } from "node:timers/promises";
import { classifiedColumns, type Classifier } from "@portrait/classifier";
import { BATCH_CAPACITY } from "@portrait/tracer";
import { checkInterrupted, type Session } from "../session.ts";
import { rangeOf, type ClassifiedBatch, type ClassifiedTrace, type PassEnd } from "./classified-trace.ts";

const POLL_MS = 200;

/**
 * Feeds a trace that is being written to `classifier`, and waits for more until it is closed or the pass ends. What was
 * half written is read when it is whole.
 */
export async function* followedBatches(
  session: Session,
  trace: ClassifiedTrace,
  classifier: Classifier,
  options: PassEnd & { readonly criteria: boolean },
): AsyncGenerator<ClassifiedBatch, void, undefined> {
  const columns = classifiedColumns(BATCH_CAPACITY, options);
  let nextSeq = 0;
  for (;;) {
    for await (const batch of trace.reader.more(rangeOf(options))) {
      checkInterrupted(session);
      classifier.feed(batch, columns);
      nextSeq = batch.firstSeq + batch.length;
      yield { batch, columns };
    }
    if (isClosed(trace) || nextSeq > (options.lastSeq ?? Infinity)) return;
    await sleep(POLL_MS, undefined, { signal: session.signal }).catch(() => undefined);
    checkInterrupted(session);
  }
}

/** True when the pass that has just ended came to the trace's sealed end, or to damage that more bytes will not mend. */
export function isClosed(trace: ClassifiedTrace): boolean {
  return !trace.reader.problems.some(({ code }) => code === "TRACE_UNSEALED" || code === "TRACE_TRUNCATED");
}
