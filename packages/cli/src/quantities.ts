import { InvalidArgumentError } from "commander";

/** Nanoseconds in each unit a time can be given in. */
export const nanosecondsOf = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 } as const;

/** A range of sequence numbers, both ends included; `last` is Infinity when open. */
export interface SeqRange {
  readonly first: number;
  readonly last: number;
}

/** `1.5s`, `20ms`, `3us`, `100ns` or `100` as nanoseconds. Throws InvalidArgumentError. */
export function parseTime(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|s)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected a time such as 1.5s, 20ms, 3us or 100ns.");
  return Number(match[1]) * nanosecondsOf[unitOf(match[2])];
}

function unitOf(text: string | undefined): keyof typeof nanosecondsOf {
  return text === "us" || text === "ms" || text === "s" ? text : "ns";
}

const BYTES = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

/** `64M`, `64MiB`, `512k` or `1000000` as bytes. Throws InvalidArgumentError. */
export function parseSize(text: string): number {
  const match = /^(\d+)(?:([KMG])(?:iB|B)?)?$/i.exec(text);
  const unit = match?.[2]?.toUpperCase() ?? "";
  const size = Number(match?.[1]) * BYTES[unit === "K" || unit === "M" || unit === "G" ? unit : ""];
  if (match === null || !Number.isSafeInteger(size) || size === 0) {
    throw new InvalidArgumentError("Expected a size such as 64M, 512K or 1000000 (bytes).");
  }
  return size;
}

/** A whole number from 0 on. Throws InvalidArgumentError. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("Expected a whole number, 0 or more.");
  }
  return value;
}

/** `A..B`, `A..`, `..B` or `A`. Throws InvalidArgumentError. */
export function parseSeqRange(text: string): SeqRange {
  const match = /^(\d*)(\.\.)?(\d*)$/.exec(text);
  const [, from = "", dots, to = ""] = match ?? [];
  if (match === null || (from === "" && to === "")) {
    throw new InvalidArgumentError("Expected access numbers such as 100..200, 100.. or ..200.");
  }
  const first = from === "" ? 0 : parseCount(from);
  const last = dots === undefined ? first : to === "" ? Infinity : parseCount(to);
  if (last < first) throw new InvalidArgumentError(`The range ends (${last}) before it begins (${first}).`);
  return { first, last };
}
