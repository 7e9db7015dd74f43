import type { DeviceField } from "../../machine.ts";
import { readDescription, type SectionDescription } from "./description.ts";
import { SectionWalk } from "./section-walk.ts";

/** One device's section. */
export interface StreamSection {
  readonly name: string;
  readonly instance: number;
  /** The whole section with header and footer. */
  readonly bytes: Uint8Array;
  /** Its fields in stream order, their paths beginning with `name[instance]`. */
  readonly fields: readonly DeviceField[];
}

/** A stream's device sections, in order. */
export interface StreamTail {
  readonly sections: readonly StreamSection[];
  /** What the stream says of their layout. */
  readonly description: readonly SectionDescription[];
}

/** Splits the end of a stream into its sections, exactly as its description says. @throws StreamError */
export function readTail(tail: Buffer, offset: number): StreamTail {
  const { sections: description, end } = readDescription(tail, offset);
  const walk = new SectionWalk(tail.subarray(0, end), offset, { subsections: "all" });
  const sections = description.map((section) => walk.section(section));
  walk.expectEnd();
  return { sections, description };
}
