import type { Classifier } from "@portrait/classifier";
import { emptyBatch, type AccessBatch } from "@portrait/tracer";

/** A classifier that is to say what is known where a file begins. */
export type AnchorSource = Pick<Classifier, "feed" | "anchor">;

/** What a file that does not have the whole trace begins with: what is known there, and a remark for people. */
export function anchorBatch(source: AnchorSource, firstSeq: number, time: number): AccessBatch {
  const text = `the accesses before number ${firstSeq} are not in this file; what was known of the devices then is`;
  return { ...emptyBatch(firstSeq), markers: [{ index: 0, time, text }], anchor: source.anchor() };
}
