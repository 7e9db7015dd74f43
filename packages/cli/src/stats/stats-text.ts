import type { ChalkInstance } from "chalk";
import { count, hexPadded, percent, plural, seconds } from "../output/numbers.ts";
import { table } from "../output/table.ts";
import { duration, perSecond, type TraceFacts } from "./stats-json.ts";
import type { TraceStats } from "./trace-stats.ts";

/** The statistics as lines for people. */
export function statsText(stats: TraceStats, facts: TraceFacts, colors: ChalkInstance): string[] {
  const sections: [string, string[]][] = [
    ["By verdict", verdictLines(stats)],
    ["By register", registerLines(stats)],
    ["Poll loops (reads of one port, one after the other)", pollLines(stats)],
    ["Accesses no description covers", uncoveredLines(stats)],
  ];
  return [
    ...summaryLines(stats, facts),
    ...sections.flatMap(([title, lines]) => (lines.length === 0 ? [] : ["", colors.bold(title), ...lines])),
  ];
}

function summaryLines(stats: TraceStats, { name, info, bytes }: TraceFacts): string[] {
  const { engine, engineVersion, guest } = info.machine;
  const rate = perSecond(stats);
  const uncovered = stats.uncovered().reduce((sum, one) => sum + one.count, 0);
  const lines: (readonly [string, string] | undefined)[] = [
    ["trace", name],
    engine === "" ? undefined : ["machine", [engine, engineVersion, guest].filter((text) => text !== "").join(" ")],
    ["accesses", count(stats.accesses)],
    rate === undefined
      ? undefined
      : ["time", `${seconds(duration(stats), 3)} s, ${count(Math.round(rate))} accesses/s`],
    bytes === undefined
      ? undefined
      : ["size", `${plural(bytes, "byte")}, ${(bytes / Math.max(1, stats.accesses)).toFixed(2)} per access`],
    ["begins", info.fromReset ? "at the machine's reset" : "later than the machine's reset"],
    stats.strings === 0 ? undefined : ["string", plural(stats.strings, "access", "accesses")],
    stats.gaps === 0 ? undefined : ["gaps", `${count(stats.gaps)}, ${plural(stats.lost, "access", "accesses")} lost`],
    ["not covered", `${count(uncovered)} (${percent(uncovered, stats.accesses)})`],
    stats.ambiguous === 0
      ? undefined
      : [
          "not told apart",
          `${plural(stats.ambiguous, "access", "accesses")} may have reached one of several registers`,
        ],
  ];
  return table(
    lines.filter((line) => line !== undefined),
    ["left", "left"],
  );
}

function verdictLines(stats: TraceStats): string[] {
  const rows = Object.entries(stats.verdicts()).sort(([, a], [, b]) => b - a);
  return table(
    rows.map(([verdict, n]) => ["", verdict, count(n), percent(n, stats.accesses)]),
    ["left", "left", "right", "right"],
  );
}

function registerLines(stats: TraceStats): string[] {
  const rows = stats.registers().map(({ device, register, in: reads, out, verdicts }) => [
    "",
    `${device}.${register}`,
    count(reads),
    count(out),
    Object.entries(verdicts)
      .map(([verdict, n]) => `${verdict} ${count(n)}`)
      .join(", "),
  ]);
  if (rows.length === 0) return [];
  return table([["", "register", "in", "out", ""], ...rows], ["left", "left", "right", "right", "left"]);
}

function pollLines(stats: TraceStats): string[] {
  const rows = stats
    .polls()
    .map(({ port, register, loops, reads, longest }) => [
      "",
      hexPadded(port, 16),
      register ?? "?",
      plural(loops, "loop"),
      plural(reads, "read"),
      `longest ${count(longest)}`,
      percent(reads, stats.accesses),
    ]);
  return table(rows, ["left", "left", "left", "right", "right", "right", "right"]);
}

function uncoveredLines(stats: TraceStats): string[] {
  const rows = stats
    .uncovered()
    .map(({ port, direction, width, count: n, first }) => [
      "",
      hexPadded(port, 16),
      `${direction} ${width} bits`,
      count(n),
      percent(n, stats.accesses),
      `first ${first}`,
    ]);
  return table(rows, ["left", "left", "left", "right", "right", "left"]);
}
