import { readDescription, type SectionDescription } from "./description.ts";
import { SectionWalk } from "./section-walk.ts";
import type { StreamSection } from "./section.ts";

/** A stream's device sections, in order. */
export interface StreamTail {
  readonly sections: readonly StreamSection[];
  /** What the stream says of their layout. */
  readonly description: readonly SectionDescription[];
  /** All its bytes. */
  readonly bytes: Buffer;
}

/** Splits the end of a stream into its sections, exactly as its description says. @throws StreamError */
export function readTail(tail: Buffer, offset: number): StreamTail {
  const { sections: description, end } = readDescription(tail, offset);
  const walk = new SectionWalk(tail.subarray(0, end), offset, { subsections: "all" });
  const sections = description.map((section) => walk.section(section));
  walk.expectEnd();
  return { sections, description, bytes: tail };
}
