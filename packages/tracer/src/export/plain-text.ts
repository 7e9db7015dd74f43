import type { Access, Gap, Marker } from "../batch.ts";
import type { ClockUnit } from "../info.ts";

/** First line of a plain text export: a comment for people. */
export const PLAIN_TEXT_HEAD = "# number, seconds, in or out and bits, port, value";

/** `1233 0.001480 out8 0x20 0x11`, without its line end. A string access goes on with its count and, where observed, its payload. */
export function plainAccess(access: Access, clock: ClockUnit): string {
  const { seq, time, vcpu, direction, width, port, value, string, count, payload } = access;
  const cpu = vcpu === 0 ? "" : ` cpu${vcpu}`;
  const elements = string ? ` x${count}` : "";
  const data = payload === undefined ? "" : ` ${Buffer.from(payload).toString("hex")}`;
  return `${place(seq, time, clock)}${cpu} ${direction}${width} ${hex(port)} ${hex(value)}${elements}${data}`;
}

/** `1233 0.001480 marker "text"`; `seq` is the access it stands before. */
export function plainMarker(seq: number, { time, text }: Pick<Marker, "time" | "text">, clock: ClockUnit): string {
  return `${place(seq, time, clock)} marker ${JSON.stringify(text)}`;
}

/** `1233 0.001480 gap 12 "reason"`; the number of lost accesses stands where it is known. */
export function plainGap(seq: number, gap: Pick<Gap, "time" | "reason" | "lost">, clock: ClockUnit): string {
  const lost = gap.lost === undefined ? "" : ` ${gap.lost}`;
  return `${place(seq, gap.time, clock)} gap${lost} ${JSON.stringify(gap.reason)}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Number and time; a time has all digits of its clock, and none where there is no clock. */
function place(seq: number, time: number, clock: ClockUnit): string {
  if (clock === "none") return String(seq);
  const nanos = time % 1e9;
  const fraction = String(nanos).padStart(9, "0");
  return `${seq} ${(time - nanos) / 1e9}.${clock === "us" ? fraction.slice(0, 6) : fraction}`;
}
