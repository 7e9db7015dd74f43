import { InvalidArgumentError } from "commander";
import type { Machine, RunLimits } from "@portrait/vmm";

/** When a guest is stopped: after a time of its own clock, a number of accesses, or once it has printed a text. */
export type Until =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "accesses"; readonly count: number }
  | { readonly kind: "text"; readonly text: string };

/** `10`, `10s`, `500ms`; `5000 accesses`; anything else is a text. Throws InvalidArgumentError. */
export function parseUntil(argument: string): Until {
  const time = /^(\d+(?:\.\d+)?)\s*(s|ms)?$/.exec(argument);
  if (time !== null) return { kind: "time", ms: Number(time[1]) * (time[2] === "ms" ? 1 : 1000) };
  const accesses = /^(\d+)\s*access(?:es)?$/.exec(argument);
  if (accesses !== null) return { kind: "accesses", count: Number(accesses[1]) };
  if (argument === "")
    throw new InvalidArgumentError("Expected seconds, a number of accesses, or a text the guest prints.");
  return { kind: "text", text: argument };
}

/** The condition in words: `the guest printed "login:"`. */
export function untilText(until: Until): string {
  switch (until.kind) {
    case "time":
      return `${until.ms / 1000} s of guest time`;
    case "accesses":
      return `${until.count} accesses`;
    case "text":
      return `the guest printed ${JSON.stringify(until.text)}`;
  }
}

/** Limits for running a machine from where it is until the condition holds; undefined: until it halts. */
export function limitsFor(until: Until | undefined, machine: Machine, signal: AbortSignal): RunLimits {
  if (until === undefined) return { signal };
  switch (until.kind) {
    case "time":
      return { guestMs: until.ms, signal };
    case "accesses":
      return { accesses: machine.accessCount + until.count, signal };
    case "text":
      return { until: printed(until.text, machine), signal };
  }
}

/** True once the machine has printed the text after this call. Looks only at what is new. */
function printed(text: string, machine: Machine): () => boolean {
  let from = machine.console.length;
  let found = false;
  return () => {
    const { console } = machine;
    if (found || console.length === from) return found;
    found = console.includes(text, Math.max(0, from - text.length + 1));
    from = console.length;
    return found;
  };
}
