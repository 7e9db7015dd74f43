import {
  PLAIN_TEXT_HEAD,
  plainAccess,
  plainGap,
  plainMarker,
  type ClockUnit,
  type Gap,
  type Marker,
} from "@portrait/tracer";
import type { ChalkInstance } from "chalk";
import { json } from "../formats.ts";
import { plural } from "../output/numbers.ts";
import { printable } from "../output/printable.ts";
import { accessCsv, CSV_HEADER, remarkCsv } from "./access-csv.ts";
import { accessJson } from "./access-json.ts";
import { AccessText } from "./access-text.ts";
import type { ShownAccess } from "./shown-access.ts";

/** How `inspect` prints accesses. */
export const ACCESS_FORMATS = ["text", "json", "ndjson", "csv", "plain"] as const;

/** One of {@link ACCESS_FORMATS}. */
export type AccessFormat = (typeof ACCESS_FORMATS)[number];

/** A marker or gap; `seq` is the access it stands before. */
export type Remark = { readonly seq: number; readonly time: number } & (
  { readonly marker: string } | { readonly gap: { readonly reason: string; readonly lost?: number } }
);

/** Turns accesses and remarks into text in one of the formats. */
export interface AccessPrinter {
  /** What comes before the first and after the last. */
  readonly head: string;
  readonly tail: string;
  /** What stands between two. */
  readonly between: string;
  access(access: ShownAccess): string;
  remark(remark: Remark): string;
}

/** The printer for a format. Only `text` has colours. */
export function accessPrinter(format: AccessFormat, clock: ClockUnit, colors: ChalkInstance): AccessPrinter {
  switch (format) {
    case "text": {
      const text = new AccessText(colors, clock);
      return linePrinter(
        "",
        (access) => text.access(access),
        (remark) => text.remark(remark.seq, remark.time, inWords(remark)),
      );
    }
    case "plain":
      return linePrinter(
        `${PLAIN_TEXT_HEAD}\n`,
        ({ access }) => plainAccess(access, clock),
        (remark) => plainRemark(remark, clock),
      );
    case "csv":
      return linePrinter(`${CSV_HEADER}\n`, accessCsv, (remark) => remarkCsv(remark.seq, remark.time, inWords(remark)));
    case "ndjson":
      return linePrinter("", (access) => json(accessJson(access)), json);
    case "json":
      return { head: "[", between: ",\n", tail: "]\n", access: (access) => json(accessJson(access)), remark: json };
  }
}

/** A printer of one line each. */
export function linePrinter(
  head: string,
  access: (access: ShownAccess) => string,
  remark: (remark: Remark) => string,
): AccessPrinter {
  return { head, between: "", tail: "", access: (one) => `${access(one)}\n`, remark: (one) => `${remark(one)}\n` };
}

/** A marker or gap of a batch as a remark. */
export function remarkOf(item: Marker | Gap, firstSeq: number): Remark {
  const { index, time } = item;
  const place = { seq: firstSeq + index, time };
  if ("text" in item) return { ...place, marker: item.text };
  return { ...place, gap: { reason: item.reason, ...(item.lost !== undefined && { lost: item.lost }) } };
}

function plainRemark(remark: Remark, clock: ClockUnit): string {
  const { seq, time } = remark;
  if ("marker" in remark) return plainMarker(seq, { time, text: remark.marker }, clock);
  return plainGap(seq, { time, reason: remark.gap.reason, lost: remark.gap.lost }, clock);
}

function inWords(remark: Remark): string {
  if ("marker" in remark) return `marker: ${printable(remark.marker)}`;
  const lost = remark.gap.lost === undefined ? "" : ` (${plural(remark.gap.lost, "access", "accesses")} lost)`;
  return `gap: ${printable(remark.gap.reason)}${lost}`;
}
