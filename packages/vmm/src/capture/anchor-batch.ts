import type { Classifier } from "@portrait/classifier";
import type { AccessBatch } from "@portrait/tracer";

/** A classifier that is to say what is known where a file begins. */
export type AnchorSource = Pick<Classifier, "feed" | "anchor">;

/** What a file that does not have the whole trace begins with: what is known there, and a remark for people. */
export function anchorBatch(source: AnchorSource, firstSeq: number, time: number): AccessBatch {
  const text = `the accesses before number ${firstSeq} are not in this file; what was known of the devices then is`;
  return {
    firstSeq,
    length: 0,
    time: new Float64Array(0),
    port: new Uint16Array(0),
    op: new Uint8Array(0),
    value: new Uint32Array(0),
    vcpu: new Uint16Array(0),
    strings: [],
    markers: [{ index: 0, time, text }],
    gaps: [],
    anchor: source.anchor(),
  };
}
