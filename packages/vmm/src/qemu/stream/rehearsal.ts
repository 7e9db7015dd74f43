import { DeviceLayout } from "./device-layout.ts";
import { readDeviceState } from "./device-state.ts";
import { strippedTail } from "./kept-sections.ts";
import { madeUpStream } from "./made-up-stream.ts";
import type { StreamSection } from "./section.ts";
import { StreamScanner } from "./stream-scanner.ts";
import { readTail } from "./tail.ts";

/** Readings after which the code is as fast as it gets. */
const TIMES = 8;
/** Bytes of a stream that come at once; no page ends with them. */
const CHUNK = 10_000;

/** What two made-up QEMUs have for sections. */
export interface RehearsedSections {
  readonly source: readonly StreamSection[];
  readonly destination: readonly StreamSection[];
}

/**
 * Reads the end of a stream and a device state that are made up, over and over: code that runs for the first time takes many times as long, and
 * a guest will stand still meanwhile. Every field of every second device differs.
 */
export function rehearseSections(): RehearsedSections {
  const { tail, state } = madeUpStream();
  const read = (): RehearsedSections => {
    const { sections: source, description } = readTail(tail, 0);
    const layout = new DeviceLayout();
    layout.learn(description);
    const destination = readDeviceState(state, layout.sections ?? [], source);
    for (const { fields } of [...source, ...destination]) void fields;
    return { source, destination };
  };
  for (let i = 1; i < TIMES; i++) read();
  return read();
}

/** Takes a whole made-up stream apart, for the same reason. */
export function rehearseScan(): void {
  const { stream } = madeUpStream();
  for (let i = 0; i < TIMES; i++) {
    const scanner = new StreamScanner();
    for (let at = 0; at < stream.length; at += CHUNK) scanner.push(stream.subarray(at, at + CHUNK));
    strippedTail(scanner.end());
  }
}
