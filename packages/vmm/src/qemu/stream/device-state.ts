import type { SectionDescription } from "./description.ts";
import { StreamError } from "./errors.ts";
import { PART, STREAM_MAGIC, STREAM_VERSION } from "./layout.ts";
import { SectionWalk } from "./section-walk.ts";
import type { StreamSection } from "./section.ts";

const HEAD_BYTES = 8;

/**
 * Splits what QEMU's `xen-save-devices-state` writes: a stream without memory and without a description of its own, read by that of
 * other streams of the same QEMU. Sections whose bytes are those of `known` are taken from there.
 * @throws StreamError where it does not fit the description.
 */
export function readDeviceState(
  state: Buffer,
  description: readonly SectionDescription[],
  known: readonly StreamSection[] = [],
): readonly StreamSection[] {
  const begins =
    state.length > HEAD_BYTES && state.readUInt32BE(0) === STREAM_MAGIC && state.readUInt32BE(4) === STREAM_VERSION;
  if (!begins) throw new StreamError("FORMAT", 0, "it does not begin as a stream of version 3");
  if (state.at(-1) !== PART.end) throw new StreamError("TRUNCATED", state.length, "it ends without its end mark");
  const walk = new SectionWalk(state.subarray(HEAD_BYTES, -1), HEAD_BYTES, { subsections: "some" });
  const sections = description.map((section, i) => walk.section(section, known[i]));
  walk.expectEnd();
  return sections;
}
