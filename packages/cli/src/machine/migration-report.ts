import type { ChalkInstance } from "chalk";
import type { AllowedDifference, DestinationResult, MigrationReport } from "@portrait/vmm";
import { count, plural } from "../output/numbers.ts";

/** A migration as the contract's JSON. */
export function migrationJson(report: MigrationReport, totalMs: number): unknown {
  const { plan, result, downtimeMs, memoryBytes } = report;
  return {
    downtimeMs: round(downtimeMs),
    totalMs: round(totalMs),
    memoryBytes,
    rounds: 1,
    plan: { ...plan.counts, replayMs: round(result.replayMs), drained: result.drained },
    verify: verificationJson(result),
    confirmed: report.confirmed,
  };
}

/** A device-state comparison as the contract's JSON. */
export function verificationJson({ comparison }: DestinationResult): unknown {
  const { fields, equal, unreachable, different } = comparison;
  return { fields, equal, unreachable, different };
}

/** A migration in words. */
export function migrationText(report: MigrationReport, colors: ChalkInstance): string {
  const { plan, result, downtimeMs, memoryBytes } = report;
  const lines = [
    `plan      ${count(plan.counts.accesses)} accesses observed → ${plural(plan.counts.kept, "write")} kept, ${plural(plan.counts.steps, "step")}; carried out in ${round(result.replayMs)} ms, ${plural(result.drained, "answer")} read away`,
    `memory    ${count(memoryBytes)} bytes in use`,
    `downtime  ${round(downtimeMs)} ms`,
    ...verificationLines(result, colors),
    ...(report.confirmed
      ? []
      : [colors.red("confirmed no: the connection ended before the destination said that it runs; look there")]),
  ];
  return `${lines.join("\n")}\n`;
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
    ...unreachable.map((one) => colors.dim(`            ${one.path}: ${values(one)} (${one.why})`)),
    ...different.map((one) => colors.red(`            ${one.path}: ${values(one)}`)),
  ];
}

function values(one: Omit<AllowedDifference, "path" | "why">): string {
  return `${one.source ?? "none"} → ${one.destination ?? "none"}`;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
