import type { ChalkInstance } from "chalk";
import { differenceText, type DestinationResult, type MigrationReport, type Stops } from "@portrait/vmm";
import { EXIT, type ExitCode } from "../errors.ts";
import { json } from "../formats.ts";
import { count, plural } from "../output/numbers.ts";
import { table } from "../output/table.ts";
import type { Session } from "../session.ts";
import { explanationJson, explanationText } from "./explanation.ts";
import type { MigrationReportOptions, ReportOptions } from "./report-options.ts";

/** Prints what a migration did. Gives the exit code it means. */
export function printMigration(
  session: Session,
  report: MigrationReport,
  totalMs: number,
  options: MigrationReportOptions,
): ExitCode {
  session.out.write(
    options.output === "json"
      ? `${json(migrationJson(report, totalMs, options))}\n`
      : migrationText(report, options, session.colors),
  );
  const { confirmed, result } = report;
  return confirmed && result.comparison.different.length === 0 ? EXIT.done : EXIT.different;
}

/** Prints how a guest was restored. Gives the exit code it means. */
export function printRestore(
  session: Session,
  result: DestinationResult,
  totalMs: number,
  options: ReportOptions,
): ExitCode {
  const { replayMs, drained } = result;
  const report = { totalMs: round(totalMs), plan: replayJson(result), verify: verificationJson(result) };
  const lines = [
    `plan      carried out in ${round(replayMs)} ms, ${plural(drained, "answer")} read away`,
    ...verificationLines(result, session.colors),
    ...(options.verify ? deviceTable(result) : []),
  ];
  session.out.write(options.output === "json" ? `${json(report)}\n` : `${lines.join("\n")}\n`);
  return result.comparison.different.length === 0 ? EXIT.done : EXIT.different;
}

/** A migration as the contract's JSON. */
function migrationJson(report: MigrationReport, totalMs: number, { explain }: MigrationReportOptions): unknown {
  const { plan, result, downtimeMs, rounds, stops, memoryBytes } = report;
  return {
    downtimeMs: round(downtimeMs),
    totalMs: round(totalMs),
    memoryBytes,
    rounds,
    stops,
    plan: { ...plan.counts, ...replayJson(result) },
    verify: verificationJson(result),
    confirmed: report.confirmed,
    ...(explain ? { explain: explanationJson(report) } : {}),
  };
}

function replayJson({ replayMs, drained }: DestinationResult): { replayMs: number; drained: number } {
  return { replayMs: round(replayMs), drained };
}

/** A device-state comparison as the contract's JSON. */
function verificationJson({ comparison }: DestinationResult): unknown {
  const { fields, equal, unreachable, different, devices } = comparison;
  return { fields, equal, unreachable, different, devices };
}

/** A migration in words. */
function migrationText(
  report: MigrationReport,
  { verify, explain }: MigrationReportOptions,
  colors: ChalkInstance,
): string {
  const { plan, result, downtimeMs, rounds, stops, memoryBytes } = report;
  const lines = [
    `plan      ${count(plan.counts.accesses)} accesses observed → ${plural(plan.counts.kept, "write")} kept, ${plural(plan.counts.steps, "step")}; carried out in ${round(result.replayMs)} ms, ${plural(result.drained, "answer")} read away`,
    `memory    ${count(memoryBytes)} bytes, in ${plural(rounds, "round")}`,
    ...(stops === undefined ? [] : [`stops     ${stopsText(stops)}`]),
    `downtime  ${round(downtimeMs)} ms`,
    ...verificationLines(result, colors),
    ...(verify ? deviceTable(result) : []),
    ...(report.confirmed
      ? []
      : [colors.red("confirmed no: the connection ended before the destination said that it runs; look there")]),
    ...(explain ? explanationText(report, colors) : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** How often a guest was stopped, and for what it had to go on. */
export function stopsText({ count: stops, busy }: Stops): string {
  const reasons = busy.map(({ device, why, times }) => `${device} at ${times} (${why})`).join(", ");
  return `${stops}${reasons === "" ? "" : `; it went on because of ${reasons}`}`;
}

/** A device-state comparison in words. */
export function verificationLines({ comparison }: DestinationResult, colors: ChalkInstance): string[] {
  const { fields, equal, unreachable, different } = comparison;
  const verdict =
    different.length === 0
      ? colors.green("nothing differs without a reason")
      : colors.red(`${different.length} differ`);
  return [
    `devices   ${count(fields)} fields compared: ${count(equal)} equal, ${count(unreachable.length)} unreachable; ${verdict}`,
    ...unreachable.map((one) => colors.dim(`            ${one.path}: ${differenceText(one)} (${one.why})`)),
    ...different.map((one) => colors.red(`            ${one.path}: ${differenceText(one)}`)),
  ];
}

/** Every device with its numbers of fields. */
function deviceTable({ comparison }: DestinationResult): string[] {
  const rows = comparison.devices.map((one) => [
    one.device,
    ...[one.fields, one.equal, one.unreachable, one.different].map(count),
  ]);
  const head = ["device", "fields", "equal", "unreachable", "different"];
  return ["", ...table([head, ...rows], ["left", "right", "right", "right", "right"])];
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
