import type { AccessBatch } from "@portrait/tracer";

/**
 * How far a growing trace has been shown. A pass from {@link nextSeq} on begins with the markers and gaps that stand after
 * the last access shown, in the order of the file; those that were shown already are left out.
 */
export class FollowPosition {
  /** Sequence number the next access will have. */
  nextSeq = 0;
  /** Shown after the last access. */
  #markers = 0;
  #gaps = 0;
  /** Of these, what this pass has yet to come by again. */
  #markersAgain = 0;
  #gapsAgain = 0;

  /** Call before each pass. */
  beginPass(): void {
    this.#markersAgain = this.#markers;
    this.#gapsAgain = this.#gaps;
  }

  /** The batch without what an earlier pass has shown. */
  advance(batch: AccessBatch): AccessBatch {
    const markers = batch.markers.slice(this.#markersAgain);
    const gaps = batch.gaps.slice(this.#gapsAgain);
    this.#markersAgain -= batch.markers.length - markers.length;
    this.#gapsAgain -= batch.gaps.length - gaps.length;
    if (batch.length > 0) this.#markers = this.#gaps = 0;
    const atEnd = ({ index }: { readonly index: number }) => index === batch.length;
    this.#markers += markers.filter(atEnd).length;
    this.#gaps += gaps.filter(atEnd).length;
    this.nextSeq = batch.firstSeq + batch.length;
    return { ...batch, markers, gaps };
  }
}
