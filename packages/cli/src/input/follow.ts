import { setTimeout as sleep } from "node:timers/promises";
import { classifiedColumns, type Classifier } from "@portrait/classifier";
import { BATCH_CAPACITY, type AccessBatch } from "@portrait/tracer";
import { checkInterrupted, type Session } from "../session.ts";
import type { ClassifiedBatch, ClassifiedTrace, PassEnd } from "./classified-trace.ts";

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
  const position = new Position();
  for (let size = -1; ;) {
    const grown = (await trace.source.size()) ?? 0;
    const begun = performance.now();
    if (grown !== size) {
      for await (const whole of trace.reader.batches({ fromSeq: position.nextSeq, ...rangeEnd(options) })) {
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

/** How far a trace has been followed. Remarks after the last access come again with the next pass, and are left out. */
class Position {
  nextSeq = 0;
  #markers = 0;
  #gaps = 0;

  /** The batch without the remarks that were in an earlier one. */
  advance(batch: AccessBatch): AccessBatch {
    const again = batch.firstSeq === this.nextSeq;
    const markers = again ? batch.markers.slice(this.#markers) : batch.markers;
    const gaps = again ? batch.gaps.slice(this.#gaps) : batch.gaps;
    const atEnd = ({ index }: { readonly index: number }) => index === batch.length;
    const same = again && batch.length === 0;
    this.#markers = (same ? this.#markers : 0) + markers.filter(atEnd).length;
    this.#gaps = (same ? this.#gaps : 0) + gaps.filter(atEnd).length;
    this.nextSeq = batch.firstSeq + batch.length;
    return { ...batch, markers, gaps };
  }
}

function rangeEnd({ lastSeq, endTime }: PassEnd): { toSeq?: number; toTime?: number } {
  return { ...(lastSeq !== undefined && { toSeq: lastSeq + 1 }), ...(endTime !== undefined && { toTime: endTime }) };
}

/** True when the pass that has just ended came to the trace's sealed end, or to damage that more bytes will not mend. */
function isClosed(trace: ClassifiedTrace): boolean {
  return !trace.reader.problems.some(({ code }) => code === "TRACE_UNSEALED" || code === "TRACE_TRUNCATED");
}
