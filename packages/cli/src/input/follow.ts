import { setTimeout as sleep } from "node:timers/promises";
import { classifiedColumns, type Classifier } from "@portrait/classifier";
import { BATCH_CAPACITY } from "@portrait/tracer";
import { checkInterrupted, type Session } from "../session.ts";
import { rangeOf, type ClassifiedBatch, type ClassifiedTrace, type PassEnd } from "./classified-trace.ts";
import { FollowPosition } from "./follow-position.ts";

const POLL_MS = 200;

/** A pass over a file that is looked through again may take this part of the time at the most. */
const BUSY_PART = 0.25;

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
  const position = new FollowPosition();
  for (let size = -1; ;) {
    const grown = (await trace.source.size()) ?? 0;
    const begun = performance.now();
    if (grown !== size) {
      position.beginPass();
      for await (const whole of trace.reader.batches({ fromSeq: position.nextSeq, ...rangeOf(options) })) {
        const batch = position.advance(whole);
        checkInterrupted(session);
        classifier.feed(batch, columns);
        yield { batch, columns };
      }
    }
    size = grown;
    if (isClosed(trace) || position.nextSeq > (options.lastSeq ?? Infinity)) return;
    const busy = performance.now() - begun;
    await sleep(Math.max(POLL_MS, busy / BUSY_PART), undefined, { signal: session.signal }).catch(() => undefined);
    checkInterrupted(session);
  }
}

/** True when the pass that has just ended came to the trace's sealed end, or to damage that more bytes will not mend. */
export function isClosed(trace: ClassifiedTrace): boolean {
  return !trace.reader.problems.some(({ code }) => code === "TRACE_UNSEALED" || code === "TRACE_TRUNCATED");
}
